// SPDX-License-Identifier: Apache-2.0
#include "datus/core/write_behind.hpp"

#include "datus/core/error.hpp"
#include "datus/core/log.hpp"

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

namespace datus {
namespace {

/// Runs the task and frees it; what it threw, or nothing. By value, so that the task is gone when this returns.
std::exception_ptr error_of(std::function<void()> task) {
  std::exception_ptr error;
  try {
    task();
  } catch (...) {
    error = std::current_exception();
  }
  return error;
}

std::string text_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "an exception of unknown type";
  }
}

}  // namespace

struct WriteBehind::State {
  explicit State(std::size_t tasks) : capacity(tasks) {}

  const std::size_t capacity;
  std::mutex mutex;  ///< guards all that follows but the thread
  std::condition_variable task_arrived;
  std::condition_variable task_finished;
  std::deque<std::function<void()>> waiting;
  bool running = false;
  bool stopping = false;
  std::exception_ptr error;  ///< not yet told; while there is one, no task waits or runs
  std::thread thread;

  [[nodiscard]] std::size_t unfinished() const { return waiting.size() + (running ? 1 : 0); }

  /// The body of the thread.
  void work();
  void refuse_own_thread() const;
  void throw_error() {
    if (error) std::rethrow_exception(std::exchange(error, nullptr));
  }
};

void WriteBehind::State::work() {
  std::unique_lock lock(mutex);
  while (true) {
    task_arrived.wait(lock, [this] { return stopping || !waiting.empty(); });
    if (stopping) return;
    auto task = std::move(waiting.front());
    waiting.pop_front();
    running = true;
    lock.unlock();
    auto failure = error_of(std::move(task));
    lock.lock();
    running = false;
    if (failure) {
      error = std::move(failure);
      waiting.clear();
    }
    task_finished.notify_all();
  }
}

void WriteBehind::State::refuse_own_thread() const {
  if (std::this_thread::get_id() != thread.get_id()) return;
  throw Error(ExitCode::failure, "A background task waits for background tasks", "it would wait for itself",
              "Report this as a defect.");
}

WriteBehind::WriteBehind(std::size_t capacity) : state_(std::make_unique<State>(capacity)) {
  if (capacity == 0) {
    throw Error(ExitCode::failure, "A background writer for no tasks was asked for", "it would take none",
                "Give it a capacity of one or more.");
  }
  try {
    state_->thread = std::thread([state = state_.get()] { state->work(); });
  } catch (const std::system_error& e) {
    throw SystemError("The thread that writes files could not be started", e.what(),
                      "Raise the limit of processes (ulimit -u).");
  }
}

WriteBehind::~WriteBehind() {
  {
    const std::scoped_lock lock(state_->mutex);
    state_->stopping = true;
    state_->waiting.clear();
  }
  state_->task_arrived.notify_one();
  state_->thread.join();
  if (state_->error) log::warning("A background task failed: " + text_of(state_->error));
}

void WriteBehind::push(std::function<void()> task) {
  state_->refuse_own_thread();
  std::unique_lock lock(state_->mutex);
  state_->task_finished.wait(lock, [this] { return state_->unfinished() < state_->capacity; });
  state_->throw_error();
  state_->waiting.push_back(std::move(task));
  state_->task_arrived.notify_one();
}

void WriteBehind::flush() {
  state_->refuse_own_thread();
  std::unique_lock lock(state_->mutex);
  state_->task_finished.wait(lock, [this] { return state_->unfinished() == 0; });
  state_->throw_error();
}

}  // namespace datus
