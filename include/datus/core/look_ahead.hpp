// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <stop_token>
#include <system_error>
#include <thread>
#include <utility>

namespace datus {

/// Makes the value of one key ahead of time on a thread of its own: the next shard's images are decoded while this
/// one's are in the model. One value at a time, so memory is bounded. Values need only be movable. Not for use from
/// several threads.
template <class Value>
class LookAhead {
 public:
  /// `make` may be called on another thread, one call at a time. It should return early (with anything) once the token
  /// asks for a stop.
  using Make = std::function<Value(std::int64_t key, const std::stop_token& stop)>;
  explicit LookAhead(Make make) : make_(std::move(make)) {}
  /// Stops what is being made and waits for it.
  ~LookAhead() { drop(); }
  LookAhead(const LookAhead&) = delete;
  LookAhead& operator=(const LookAhead&) = delete;
  LookAhead(LookAhead&&) = delete;
  LookAhead& operator=(LookAhead&&) = delete;

  /// Begins to make the value of `key`. Nothing happens when that is under way or done; another key's value is stopped,
  /// waited for and dropped, with whatever was thrown while it was made.
  void start(std::int64_t key) {
    if (key_ == key) return;
    drop();
    try {
      maker_ = std::jthread([this, key](const std::stop_token& stop) { make_on_this_thread(key, stop); });
      key_ = key;
    } catch (const std::system_error&) {
      // No thread is to be had: `take` makes the value, only later.
    }
  }

  /// The value of `key`, which is then forgotten: waits for the one begun, or makes it now, after dropping another
  /// key's as `start` does. Rethrows what `make` threw.
  [[nodiscard]] Value take(std::int64_t key) {
    if (key_ != key) {
      drop();
      return make_(key, std::stop_token());
    }
    maker_.join();
    key_.reset();
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
    Value value = std::move(*value_);
    value_.reset();
    return value;
  }

 private:
  void make_on_this_thread(std::int64_t key, const std::stop_token& stop) noexcept {
    try {
      value_.emplace(make_(key, stop));
    } catch (...) {
      error_ = std::current_exception();
    }
  }

  void drop() noexcept {
    maker_ = std::jthread();  // Asks the old one to stop and joins it.
    key_.reset();
    value_.reset();
    error_ = nullptr;
  }

  Make make_;
  std::optional<std::int64_t> key_;  ///< of the value that is being made, or made and not taken
  // Between the start of the thread and its end, which is always waited for, these two are the thread's.
  std::optional<Value> value_;
  std::exception_ptr error_;
  std::jthread maker_;
};

}  // namespace datus
