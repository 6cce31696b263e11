// SPDX-License-Identifier: Apache-2.0
#include "datus/core/write_behind.hpp"

#include "datus/core/error.hpp"
#include "datus/core/log.hpp"

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

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
  struct Task {
    std::function<void()> work;
    std::function<void()> report;
  };

  explicit State(std::size_t tasks) : capacity(tasks) {}

  const std::size_t capacity;
  std::mutex mutex;  ///< guards all that follows but the threads
  std::condition_variable task_arrived;
  std::condition_variable task_finished;
  std::deque<Task> waiting;
  std::uint64_t begun = 0;     ///< tasks so far, which is the number of the next
  std::uint64_t finished = 0;  ///< of them, in their order
  bool stopping = false;
  std::exception_ptr error;  ///< not yet told; while there is one, no task waits
  std::vector<std::thread> threads;

  [[nodiscard]] std::size_t unfinished() const { return waiting.size() + (begun - finished); }

  /// The body of each thread.
  void work();
  void keep(std::exception_ptr failure);
  void refuse_own_threads() const;
  void throw_error() {
    if (error) std::rethrow_exception(std::exchange(error, nullptr));
  }
  /// Drops what waits, and waits for what runs.
  void stop();
};

void WriteBehind::State::work() {
  std::unique_lock lock(mutex);
  while (true) {
    task_arrived.wait(lock, [this] { return stopping || !waiting.empty(); });
    if (stopping) return;
    Task task = std::move(waiting.front());
    waiting.pop_front();
    const std::uint64_t number = begun++;
    lock.unlock();
    auto failure = error_of(std::move(task.work));
    lock.lock();
    const bool is_done = !failure;
    keep(std::move(failure));
    task_finished.wait(lock, [&] { return finished == number; });
    if (is_done && task.report) {
      lock.unlock();
      failure = error_of(std::move(task.report));
      lock.lock();
      keep(std::move(failure));
    }
    ++finished;
    task_finished.notify_all();
  }
}

/// The first one is told; of another that comes before it is, this is the place to say it.
void WriteBehind::State::keep(std::exception_ptr failure) {
  if (!failure) return;
  waiting.clear();
  task_finished.notify_all();  // there is room again
  if (error) return log::warning("A background task failed, too: " + text_of(failure));
  error = std::move(failure);
}

void WriteBehind::State::refuse_own_threads() const {
  const auto is_own = [](const std::thread& thread) { return thread.get_id() == std::this_thread::get_id(); };
  if (std::ranges::none_of(threads, is_own)) return;
  throw Error(ExitCode::failure, "A background task waits for background tasks", "it would wait for itself",
              "Report this as a defect.");
}

void WriteBehind::State::stop() {
  {
    const std::scoped_lock lock(mutex);
    stopping = true;
    waiting.clear();
  }
  task_arrived.notify_all();
  for (std::thread& thread : threads) thread.join();
}

WriteBehind::WriteBehind(std::size_t capacity, std::size_t threads) : state_(std::make_unique<State>(capacity)) {
  if (capacity == 0 || threads == 0) {
    throw Error(ExitCode::failure, "A background writer for no tasks was asked for", "it would take none",
                "Give it a capacity of one or more, and a thread.");
  }
  try {
    for (std::size_t i = 0; i < threads; ++i) {
      state_->threads.emplace_back([state = state_.get()] { state->work(); });
    }
  } catch (const std::system_error& e) {
    state_->stop();
    throw SystemError("The thread that writes files could not be started", e.what(),
                      "Raise the limit of processes (ulimit -u).");
  }
}

WriteBehind::~WriteBehind() {
  state_->stop();
  if (state_->error) log::warning("A background task failed: " + text_of(state_->error));
}

void WriteBehind::push(std::function<void()> task, std::function<void()> report) {
  state_->refuse_own_threads();
  std::unique_lock lock(state_->mutex);
  state_->task_finished.wait(lock, [this] { return state_->unfinished() < state_->capacity; });
  state_->throw_error();
  state_->waiting.push_back({std::move(task), std::move(report)});
  state_->task_arrived.notify_one();
}

void WriteBehind::flush() {
  state_->refuse_own_threads();
  std::unique_lock lock(state_->mutex);
  state_->task_finished.wait(lock, [this] { return state_->unfinished() == 0; });
  state_->throw_error();
}

}  // namespace datus
