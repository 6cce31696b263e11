// SPDX-License-Identifier: Apache-2.0
#pragma once

// k-means on any layout over ranks, threads and SIMD paths, and bitwise comparison of what comes out: for property
// tests.

#include "datus/algo/kmeans.hpp"
#include "datus/core/error.hpp"
#include "datus/core/parallel.hpp"
#include "kmeans_reference.hpp"
#include "support/thread_communicator.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace datus::test {

using Random = std::mt19937_64;

/// Uniform in [low, high]. The standard's distributions differ between libraries; a seed must name one case everywhere.
inline std::int64_t draw(Random& random, std::int64_t low, std::int64_t high) {
  return low + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(high - low + 1));
}

inline bool one_in(Random& random, std::int64_t chances) {
  return draw(random, 1, chances) == 1;
}

template <class T>
const T& one_of(Random& random, const std::vector<T>& choices) {
  return choices[static_cast<std::size_t>(draw(random, 0, std::ssize(choices) - 1))];
}

/// A property does not hold; the text says where.
class PropertyFailure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

inline void require(bool condition, const std::string& text) {
  if (!condition) throw PropertyFailure(text);
}

/// Where a case runs. None of it may show in the result.
struct Layout {
  /// [ranks]: rows of each.
  std::vector<std::int64_t> shares;
  int threads = 1;
  SimdPath path = SimdPath::scalar;
  /// How rows are cut into blocks, and dealt to the workers.
  std::uint64_t deal = 0;
};

inline std::string text_of(const Layout& layout) {
  std::ostringstream text;
  text << "rows of ranks";
  for (const std::int64_t share : layout.shares) text << ' ' << share;
  text << ", threads " << layout.threads << ", " << name(layout.path) << ", deal " << layout.deal;
  return text.str();
}

/// 1 to 8 ranks, of which about a quarter has no rows, and 1 to 4 threads.
inline Layout random_layout(std::int64_t rows, Random& random) {
  Layout layout{{}, static_cast<int>(draw(random, 1, 4)), one_of(random, supported_simd_paths()), random() % 1000};
  const std::int64_t ranks = draw(random, 1, 8);
  for (std::int64_t rank = 0; rank + 1 < ranks; ++rank) {
    layout.shares.push_back(one_in(random, 4) ? 0 : draw(random, 0, rows));
    rows -= layout.shares.back();
  }
  layout.shares.push_back(rows);
  std::swap(layout.shares.back(), layout.shares[static_cast<std::size_t>(draw(random, 0, ranks - 1))]);
  return layout;
}

/// The most awkward rows that `KMeansRows` allows: blocks of any length in any order, dealt to the workers at random,
/// each a copy that is gone after its call. Mostly without threads, which cost more to start than they have to do and
/// would leave all blocks to the first of them.
class DealtRows final : public KMeansRows {
 public:
  DealtRows(const Matrix& all, std::int64_t first, std::int64_t count, std::uint64_t deal)
      : all_(all), first_(first), count_(count), deal_(deal) {}
  /// Without meaning where there are no rows: it must not be used then.
  [[nodiscard]] std::int64_t first() const override { return count_ > 0 ? first_ : -12345; }
  [[nodiscard]] std::int64_t count() const override { return count_; }
  [[nodiscard]] int dim() const override { return all_.dim; }

  void visit(std::span<const RowRange> ranges, int threads, const RowBlockBody& body) const override {
    Random random(deal_);
    std::vector<RowRange> blocks = cut_ranges(ranges, draw(random, 1, 60));
    for (std::size_t i = blocks.size(); i > 1; --i) {
      std::swap(blocks[i - 1], blocks[static_cast<std::size_t>(draw(random, 0, static_cast<std::int64_t>(i) - 1))]);
    }
    std::vector<std::vector<RowRange>> dealt(static_cast<std::size_t>(threads));
    for (const RowRange& block : blocks) dealt[static_cast<std::size_t>(draw(random, 0, threads - 1))].push_back(block);
    parallel_for(threads, one_in(random, 4) ? threads : 1, [&](std::int64_t worker) {
      for (const RowRange& block : dealt[static_cast<std::size_t>(worker)]) {
        const std::int64_t begin = first_ + block.begin;
        const std::vector<float> copy(all_.row(begin), all_.row(begin + block.count));
        body(static_cast<std::size_t>(worker), {block.begin, block.count, copy.data(), nullptr});
      }
    });
  }

 private:
  const Matrix& all_;
  std::int64_t first_;
  std::int64_t count_;
  std::uint64_t deal_;
};

/// Calls body(rank, its rows, its communicator) on thread-ranks.
inline void run_in(const Layout& layout, const Matrix& rows,
                   const std::function<void(std::size_t, const KMeansRows&, Communicator&)>& body) {
  run_on_threads(static_cast<int>(layout.shares.size()), [&](Communicator& comm) {
    const auto rank = static_cast<std::size_t>(comm.rank());
    std::int64_t first = 0;
    for (std::size_t r = 0; r < rank; ++r) first += layout.shares[r];
    body(rank, DealtRows(rows, first, layout.shares[rank], layout.deal + rank), comm);
  });
}

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

/// The first thing that differs in a bit, assignments aside; empty if nothing does.
inline std::string difference_of_ranks(const KMeansResult& a, const KMeansResult& b) {
  if (a.clusters != b.clusters) return "clusters";
  if (a.restart != b.restart) return "restart";
  if (!same_bits(a.inertia, b.inertia)) return "inertia";
  if (!same_bits(a.centroids, b.centroids)) return "centroids";
  if (a.final_inertia != b.final_inertia) return "final_inertia";
  if (a.converged != b.converged) return "converged";
  if (a.repairs != b.repairs) return "repairs";
  if (a.sum_scale_log2 != b.sum_scale_log2) return "sum_scale_log2";
  if (a.inertia_scale_log2 != b.inertia_scale_log2) return "inertia_scale_log2";
  if (a.restarts.size() != b.restarts.size()) return "the number of restarts";
  for (std::size_t r = 0; r < a.restarts.size(); ++r) {
    if (!same_bits(a.restarts[r], b.restarts[r])) return "the centroids of restart " + std::to_string(r);
  }
  return {};
}

inline std::string difference(const KMeansResult& a, const KMeansResult& b) {
  return a.assignment == b.assignment ? difference_of_ranks(a, b) : "assignment";
}

inline void require_same_bits(const std::vector<KMeansResult>& actual, const std::vector<KMeansResult>& expected,
                              const std::string& where) {
  require(actual.size() == expected.size(), where + ": another number of results");
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const std::string what = difference(actual[i], expected[i]);
    require(what.empty(), where + ": " + what + " of K = " + std::to_string(expected[i].clusters) + " differs");
  }
}

/// Joins the ranks' assignments; all else must be the same on all ranks.
inline std::vector<KMeansResult> joined(const std::vector<std::vector<KMeansResult>>& of_ranks) {
  std::vector<KMeansResult> all = of_ranks.front();
  for (std::size_t r = 1; r < of_ranks.size(); ++r) {
    require(of_ranks[r].size() == all.size(), "ranks have other numbers of results");
    for (std::size_t i = 0; i < all.size(); ++i) {
      const KMeansResult& other = of_ranks[r][i];
      const std::string what = difference_of_ranks(other, all[i]);
      require(what.empty(), what + " on rank " + std::to_string(r) + " is not that of rank 0");
      all[i].assignment.insert(all[i].assignment.end(), other.assignment.begin(), other.assignment.end());
    }
  }
  return all;
}

/// Results, or the error that all ranks agreed on.
struct Outcome {
  std::vector<KMeansResult> results;
  std::string error;
};

inline Outcome outcome_of(const Matrix& rows, KMeansOptions options, const std::vector<double>& given,
                          const Layout& layout) {
  options.threads = layout.threads;
  options.path = layout.path;
  std::vector<std::vector<KMeansResult>> results(layout.shares.size());
  std::vector<std::string> errors(layout.shares.size());
  run_in(layout, rows, [&](std::size_t rank, const KMeansRows& mine, Communicator& comm) {
    try {
      results[rank] = kmeans(mine, options, given, comm);
    } catch (const AgreedError& error) {
      errors[rank] = error.what();
    }
  });
  for (const std::string& error : errors) require(error == errors.front(), "ranks end with other errors: " + error);
  if (!errors.front().empty()) return {{}, errors.front()};
  return {joined(results), {}};
}

}  // namespace datus::test
