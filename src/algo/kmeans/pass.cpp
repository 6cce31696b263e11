// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/pass.hpp"

#include "algo/kmeans/blocks.hpp"
#include "algo/kmeans/search.hpp"
#include "datus/core/parallel.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace datus::clustering {
namespace {

/// A search on one thread, and what it finds.
struct Worker {
  Ledger ledger;
  Search search;
  Worker(const Context& context, WorkingPair& working, const SearchTarget& target)
      : ledger(context, working), search(context, working, target, ledger) {}
};

class Pass {
 public:
  Pass(const Context& context, std::span<WorkingPair* const> pairs, Target target)
      : context_(context), pairs_(pairs), workers_(static_cast<std::size_t>(context.threads)) {
    for (WorkingPair* working : pairs) targets_.emplace_back(context, *working, target == Target::previous);
  }

  std::vector<Tally> run() {
    const std::vector<RowRange> ranges = rows_to_visit();
    for_each_block(context_.rows, ranges, context_.threads, [&](std::size_t worker, const RowBlock& block) {
      auto& of_pairs = workers_[worker];
      if (of_pairs.empty()) of_pairs = make_workers();
      // A few strips that stay in the second cache: the centroids of many pairs, which do not, pass by less often.
      const std::int64_t step = rows_of_many_strips();
      for (std::int64_t begin = 0; begin < block.count; begin += step) {
        const std::int64_t end = std::min(begin + step, block.count);
        for (const auto& one : of_pairs) assign(block, begin, end, one->search);
      }
    });
    std::vector<Tally> totals;
    for (std::size_t p = 0; p < pairs_.size(); ++p) {
      WorkingPair& working = *pairs_[p];
      Tally& total = totals.emplace_back(std::move(working.totals));
      total.moved = total.unrepresentable = 0;
      std::ranges::fill(total.inertia, 0);
      for (const auto& of_pairs : workers_) {
        if (of_pairs.empty()) continue;
        of_pairs[p]->search.finish();
        total.add(of_pairs[p]->ledger.tally());
      }
      working.totals = total;
    }
    return totals;
  }

 private:
  [[nodiscard]] std::vector<std::unique_ptr<Worker>> make_workers() const {
    std::vector<std::unique_ptr<Worker>> workers;
    for (std::size_t p = 0; p < pairs_.size(); ++p) {
      workers.push_back(std::make_unique<Worker>(context_, *pairs_[p], targets_[p]));
    }
    return workers;
  }

  [[nodiscard]] std::int64_t rows_of_many_strips() const {
    constexpr std::int64_t bytes = std::int64_t{1} << 19U;
    const std::int64_t of_strip = strip_rows * context_.rows.dim() * static_cast<std::int64_t>(sizeof(float));
    return strip_rows * std::max<std::int64_t>(1, bytes / of_strip);
  }

  /// Rows [begin, end) of a block.
  void assign(const RowBlock& block, std::int64_t begin, std::int64_t end, Search& search) const {
    for (; begin < end; begin += strip_rows) {
      const std::int64_t count = std::min(strip_rows, end - begin);
      search.assign(part_of(block, begin, count, context_.rows.dim()));
    }
  }

  /// Brings the bounds up to date, and says which rows some pair has to look at, in whole strips.
  [[nodiscard]] std::vector<RowRange> rows_to_visit() {
    const std::int64_t rows = context_.rows.count();
    constexpr std::int64_t chunk = strip_rows * 1024;
    std::vector<std::vector<RowRange>> found(static_cast<std::size_t>((rows + chunk - 1) / chunk));
    parallel_for(std::ssize(found), context_.threads, [&](std::int64_t index) {
      const std::int64_t end = std::min(rows, (index + 1) * chunk);
      for (std::int64_t begin = index * chunk; begin < end; begin += strip_rows) {
        const std::int64_t count = std::min(strip_rows, end - begin);
        bool wanted = false;
        for (const SearchTarget& target : targets_) wanted |= target.prepare(begin, count);
        auto& ranges = found[static_cast<std::size_t>(index)];
        if (!wanted) continue;
        if (!ranges.empty() && ranges.back().begin + ranges.back().count == begin) {
          ranges.back().count += count;
        } else {
          ranges.push_back({begin, count});
        }
      }
    });
    std::vector<RowRange> all;
    for (const auto& ranges : found) all.insert(all.end(), ranges.begin(), ranges.end());
    return all;
  }

  const Context& context_;
  std::span<WorkingPair* const> pairs_;
  std::vector<SearchTarget> targets_;
  /// [threads][pairs].
  std::vector<std::vector<std::unique_ptr<Worker>>> workers_;
};

}  // namespace

std::vector<Tally> run_pass(const Context& context, std::span<WorkingPair* const> pairs, Target target) {
  return Pass(context, pairs, target).run();
}

}  // namespace datus::clustering
