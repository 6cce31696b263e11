#include "algo/kmeans_pass.hpp"

#include "algo/kmeans_blocks.hpp"
#include "algo/kmeans_search.hpp"
#include "datus/core/parallel.hpp"

#include <algorithm>
#include <functional>
#include <memory>

namespace datus::lloyd {
namespace {

void add(std::vector<std::int64_t>& to, const std::vector<std::int64_t>& terms) {
  std::ranges::transform(to, terms, to.begin(), std::plus<>());
}

/// Takes a thread's tally into the pair's state, and into the rank's.
void take_in(const Tally& tally, WorkingPair& working, Tally& total) {
  add(working.sums, tally.sums);
  add(working.counts, tally.counts);
  add(working.squares, tally.squares);
  add(total.inertia, tally.inertia);
  total.moved += tally.moved;
  total.unrepresentable += tally.unrepresentable;
  total.doubtful += tally.doubtful;
}

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
      const std::int64_t dim = context_.rows.dim();
      for (std::int64_t begin = 0; begin < block.count; begin += strip_rows) {
        const std::int64_t count = std::min(strip_rows, block.count - begin);
        const RowBlock strip{block.first + begin, count, block.values + begin * dim};
        for (const auto& one : of_pairs) one->search.assign(strip);
      }
    });
    std::vector<Tally> totals;
    for (const WorkingPair* working : pairs_) totals.emplace_back(*working);
    for (const auto& of_pairs : workers_) {
      for (std::size_t p = 0; p < of_pairs.size(); ++p) {
        of_pairs[p]->search.finish();
        take_in(of_pairs[p]->ledger.tally(), *pairs_[p], totals[p]);
      }
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

}  // namespace datus::lloyd
