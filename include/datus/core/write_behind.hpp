// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace datus {

/// Does tasks on threads of its own, each once, begun in the order of `push`, so that writing one shard overlaps with
/// computing the next. Bounded: at most `capacity` tasks are unfinished when `push` returns, so a slow disk slows the
/// work down instead of filling the memory. A task is finished when it has run, what it captured is freed, and what is
/// to be told of it has been told.
///
/// After an error the tasks that wait are dropped, those that run go on, and the next `push` or `flush` rethrows it,
/// once; whoever catches it may go on with new tasks. `push` and `flush` may be called from any thread but not from a
/// task.
class WriteBehind {
 public:
  /// With a capacity of one (the default), a task runs while the caller makes the next. With one thread (the default)
  /// tasks run one after the other, with more of them so many at a time. Throws `Error` for none, `SystemError` when a
  /// thread cannot be started.
  explicit WriteBehind(std::size_t capacity = 1, std::size_t threads = 1);
  /// Waits for the tasks that run, drops those that wait: after an exception nobody wants them. Without an exception,
  /// `flush` first. An error that nobody was told is logged as a warning.
  ~WriteBehind();
  WriteBehind(const WriteBehind&) = delete;
  WriteBehind& operator=(const WriteBehind&) = delete;
  WriteBehind(WriteBehind&&) = delete;
  WriteBehind& operator=(WriteBehind&&) = delete;

  /// Hands over a task: waits until fewer than `capacity` earlier ones are unfinished. Rethrows the exception of an
  /// earlier one, and then drops this one as well. Throws `Error` when a task calls it, which would wait for itself.
  /// `report` is called after the task unless that failed: one at a time, in the order of `push`, when all earlier
  /// tasks have ended. It should be short, for its thread waits for them.
  void push(std::function<void()> task, std::function<void()> report = {});
  /// Waits until all tasks are finished; throws as `push` does.
  void flush();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace datus
