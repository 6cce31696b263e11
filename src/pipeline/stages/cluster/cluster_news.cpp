// SPDX-License-Identifier: Apache-2.0
#include "pipeline/stages/cluster/cluster_news.hpp"

#include "datus/core/text.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <iterator>
#include <span>
#include <utility>
#include <vector>

namespace datus {
namespace {

/// By how much the last iteration lowered the inertia; empty before the second.
std::string last_gain(const std::vector<double>& inertia) {
  if (inertia.size() < 2) return {};
  const double before = inertia[inertia.size() - 2];
  if (!(before > 0)) return {};
  std::array<char, 64> text{};
  (void)std::snprintf(text.data(), text.size(), ", the last lowered the inertia by %.3g %%",
                      100 * (before - inertia.back()) / before);
  return text.data();
}

/// `starts`: all of one K.
std::string news_of(std::span<const KMeansPair> starts) {
  const auto open =
      std::ranges::find_if(starts, [](const KMeansPair& pair) { return pair.phase != KMeansPhase::done; });
  const KMeansPair& pair = open == starts.end() ? starts.back() : *open;
  std::string text = "K = " + std::to_string(pair.clusters);
  if (starts.size() > 1)
    text += " (start " + std::to_string(pair.restart + 1) + " of " + std::to_string(starts.size()) + ")";
  if (pair.phase == KMeansPhase::seeding) return text + ": first centroids";
  const std::string iterations = counted(std::ssize(pair.inertia), "iteration");
  if (pair.phase == KMeansPhase::done) return text + ": done after " + iterations;
  return text + ": " + iterations + last_gain(pair.inertia);
}

}  // namespace

std::string cluster_news(std::int64_t passes, const KMeansState& state) {
  std::string text = std::to_string(passes) + (passes == 1 ? " pass" : " passes");
  const std::span<const KMeansPair> pairs(state.pairs);
  for (std::size_t begin = 0; begin < pairs.size();) {
    std::size_t end = begin + 1;
    while (end < pairs.size() && pairs[end].clusters == pairs[begin].clusters) ++end;
    text += ", " + news_of(pairs.subspan(begin, end - begin));
    begin = end;
  }
  return text;
}

void ClusterNews::tell(const KMeansState& state) {
  KMeansState told;
  for (const KMeansPair& pair : state.pairs) {
    KMeansPair& copy = told.pairs.emplace_back();
    copy.clusters = pair.clusters;
    copy.restart = pair.restart;
    copy.phase = pair.phase;
    copy.inertia = pair.inertia;
  }
  const std::scoped_lock lock(mutex_);
  state_ = std::move(told);
}

std::string ClusterNews::text() const {
  const std::scoped_lock lock(mutex_);
  return cluster_news(passes_.load(std::memory_order_relaxed), state_);
}

}  // namespace datus
