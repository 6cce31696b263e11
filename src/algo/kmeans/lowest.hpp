// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace datus::clustering {

/// Keeps the lowest of the things that it is offered. They must not be equal, so that their order does not show.
template <class T>
class Lowest {
 public:
  explicit Lowest(std::size_t count) : count_(count) {}

  void offer(const T& thing) {
    if (heap_.size() == count_) {
      if (heap_.empty() || thing > heap_.front()) return;
      std::ranges::pop_heap(heap_);
      heap_.pop_back();
    }
    heap_.push_back(thing);
    std::ranges::push_heap(heap_);
  }
  /// The `count` lowest, or all where they were fewer, in order.
  [[nodiscard]] std::vector<T> take() && {
    std::ranges::sort_heap(heap_);
    return std::move(heap_);
  }

 private:
  std::size_t count_;
  /// The highest one, the next to go, is in front.
  std::vector<T> heap_;
};

}  // namespace datus::clustering
