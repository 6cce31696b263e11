// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace datus {

/// Does tasks one after the other, each once, in the order of `push`, on a thread of its own, so that writing one shard
/// overlaps with computing the next. Bounded: at most `capacity` tasks are unfinished when `push` returns, so a slow
/// disk slows the work down instead of filling the memory. A task is finished when it has run and what it captured is
/// freed.
///
/// After an error the tasks that wait are dropped, and the next `push` or `flush` rethrows it, once; whoever catches it
/// may go on with new tasks. `push` and `flush` may be called from any thread but not from a task.
class WriteBehind {
 public:
  /// With one (the default), a task runs while the caller makes the next. Throws `Error` for none, `SystemError` when
  /// the thread cannot be started.
  explicit WriteBehind(std::size_t capacity = 1);
  /// Waits for the task that runs, drops those that wait: after an exception nobody wants them. Without an exception,
  /// `flush` first. An error that nobody was told is logged as a warning.
  ~WriteBehind();
  WriteBehind(const WriteBehind&) = delete;
  WriteBehind& operator=(const WriteBehind&) = delete;
  WriteBehind(WriteBehind&&) = delete;
  WriteBehind& operator=(WriteBehind&&) = delete;

  /// Hands over a task: waits until fewer than `capacity` earlier ones are unfinished. Rethrows the exception of an
  /// earlier one, and then drops this one as well. Throws `Error` when a task calls it, which would wait for itself.
  void push(std::function<void()> task);
  /// Waits until all tasks are finished; throws as `push` does.
  void flush();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace datus
