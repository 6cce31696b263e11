// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <vector>

namespace datus {

/// Batches that a GPU has been given and whose results nobody has taken yet, the oldest first. They may be of several
/// calls: the next one's follow while the last one's are computed, so that the GPU waits between two calls no longer
/// than between two batches. For one thread at a time.
class BatchesUnderWay {
 public:
  /// As many places as there are for batches: while one is computed, the other is filled or read.
  static constexpr std::size_t places = 2;

  /// A place that no batch is in: where there is none, the oldest one's, once its results are taken.
  [[nodiscard]] std::size_t free_place();
  /// The batch in `place` is under way; `calls` say whose it is, `collect` waits for its results and takes them.
  void add(std::size_t place, std::vector<const void*> calls, std::function<void()> collect);
  /// Takes results, in order, until none of the call's are left. What an earlier call's throws, this one throws too.
  void collect(const void* call);
  /// Nobody will take those of this call.
  void drop(const void* call);
  void drop_all() { batches_.clear(); }

 private:
  struct Batch {
    std::size_t place;
    std::vector<const void*> calls;
    std::function<void()> collect;
  };
  void collect_oldest();
  [[nodiscard]] bool has(const void* call) const;

  std::deque<Batch> batches_;
};

}  // namespace datus
