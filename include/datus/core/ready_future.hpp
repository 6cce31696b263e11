// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <future>
#include <utility>

namespace datus {

/// A future whose value is there: of who has no reason to be asynchronous.
template <class T>
[[nodiscard]] std::future<T> ready_future(T value) {
  std::promise<T> promise;
  promise.set_value(std::move(value));
  return promise.get_future();
}

}  // namespace datus
