// SPDX-License-Identifier: Apache-2.0
#include "algo/scores/class_scores.hpp"

#include <cstddef>
#include <numeric>
#include <optional>

namespace datus {
namespace {

std::optional<double> ratio(std::int64_t part, std::int64_t whole) {
  if (whole == 0) return std::nullopt;
  return static_cast<double>(part) / static_cast<double>(whole);
}

/// Mean over the classes marked in `counted`, all of which have a value; null when there is none.
std::optional<double> mean(const std::vector<std::optional<double>>& values, const std::vector<bool>& counted) {
  double sum = 0.0;
  int count = 0;
  for (std::size_t label = 0; label < values.size(); ++label) {
    if (!counted[label]) continue;
    sum += values[label].value();
    ++count;
  }
  if (count == 0) return std::nullopt;
  return sum / count;
}

}  // namespace

void ClassPixels::add(const CellCount& cell, std::span<const int> mapping, bool drops_unscored) {
  const int given = cell.cluster == no_label ? no_label : mapping[static_cast<std::size_t>(cell.cluster)];
  if (given == no_label && drops_unscored) return;
  truth[static_cast<std::size_t>(cell.label)] += cell.pixels;
  if (given == no_label) return;
  predicted[static_cast<std::size_t>(given)] += cell.pixels;
  if (given == cell.label) hit[static_cast<std::size_t>(given)] += cell.pixels;
}

void set_class_scores(Scores& scores, const ClassPixels& pixels, const ProtocolRules& rules) {
  std::vector<bool> counted;
  const std::int64_t all = std::accumulate(pixels.truth.begin(), pixels.truth.end(), std::int64_t{0});
  const std::int64_t right = std::accumulate(pixels.hit.begin(), pixels.hit.end(), std::int64_t{0});
  double weighted = 0.0;
  for (std::size_t label = 0; label < pixels.truth.size(); ++label) {
    const std::int64_t hit = pixels.hit[label];
    const std::int64_t predicted = pixels.predicted[label];
    const std::int64_t truth = pixels.truth[label];
    scores.iou.push_back(ratio(hit, predicted + truth - hit));
    scores.f1.push_back(ratio(2 * hit, predicted + truth));
    scores.precision.push_back(ratio(hit, predicted));
    scores.recall.push_back(ratio(hit, truth));
    // A class that is only predicted counts where the published evaluation takes the mean over what has a union.
    counted.push_back(truth > 0 || (rules.drops_unscored && predicted > 0));
    if (truth > 0) weighted += static_cast<double>(truth) * scores.iou.back().value();
  }
  scores.miou = mean(scores.iou, counted);
  scores.macro_f1 = mean(scores.f1, counted);
  scores.pixel_accuracy = ratio(right, all);
  if (all > 0) scores.fwiou = weighted / static_cast<double>(all);
}

}  // namespace datus
