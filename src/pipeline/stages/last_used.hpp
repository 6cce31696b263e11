// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <utility>

namespace datus {

/// An object that keeps a GPU's memory from one use to the next, of the same shape.
template <class Object, class Shape>
class LastUsed {
 public:
  /// The one that came back last, where it is of this shape. Otherwise it is gone, before more memory is asked for: the
  /// caller makes one of the shape.
  [[nodiscard]] std::optional<Object> take(const Shape& wanted) {
    std::optional<Object> last;
    last.swap(object_);
    if (last && shape_ == wanted) return last;
    shape_ = wanted;
    return std::nullopt;
  }
  void give_back(Object&& object) { object_ = std::move(object); }

 private:
  Shape shape_;
  std::optional<Object> object_;
};

}  // namespace datus
