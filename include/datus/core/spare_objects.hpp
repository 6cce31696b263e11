// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace datus {

/// Objects that keep memory from one use to the next, for as many threads as use one at the same time. From any thread.
template <class T>
class SpareObjects {
 public:
  /// `make` makes one where none is left; from any thread, several at a time.
  explicit SpareObjects(std::function<T()> make) : make_(std::move(make)) {}

  [[nodiscard]] T take() {
    if (auto spare = take_spare()) return std::move(*spare);
    return make_();
  }

  void give_back(T object) {
    const std::scoped_lock lock(mutex_);
    spare_.push_back(std::move(object));
  }

 private:
  [[nodiscard]] std::optional<T> take_spare() {
    const std::scoped_lock lock(mutex_);
    if (spare_.empty()) return std::nullopt;
    std::optional<T> last(std::move(spare_.back()));
    spare_.pop_back();
    return last;
  }

  std::function<T()> make_;
  std::mutex mutex_;  ///< guards `spare_`
  std::vector<T> spare_;
};

}  // namespace datus
