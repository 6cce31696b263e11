// SPDX-License-Identifier: Apache-2.0
#include "datus/core/parallel.hpp"

#include "datus/core/error.hpp"

#include <algorithm>
#include <atomic>
#include <cfenv>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include <sched.h>
#include <unistd.h>

namespace datus {
namespace {

/// One call of `parallel_for`, which several threads work on.
class Call {
 public:
  Call(std::int64_t count, const std::function<void(std::int64_t)>& body)
      : count_(count), body_(body), error_index_(count) {
    std::fegetenv(&float_environment_);
  }

  /// Takes one index after the other until none is left.
  void work() noexcept {
    for (std::int64_t i = next_++; i < count_; i = next_++) {
      try {
        body_(i);
      } catch (...) {
        const std::scoped_lock lock(mutex_);
        if (i < error_index_) {
          error_index_ = i;
          error_ = std::current_exception();
        }
        next_ = count_;
      }
    }
  }

  void work_as_helper() noexcept {
    std::fesetenv(&float_environment_);
    work();
  }

  /// When all threads are done.
  void throw_error() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  const std::int64_t count_;
  const std::function<void(std::int64_t)>& body_;
  std::fenv_t float_environment_{};  ///< the caller's
  std::atomic<std::int64_t> next_{0};
  std::mutex mutex_;  ///< guards the error
  std::exception_ptr error_;
  std::int64_t error_index_;
};

/// The threads that help one thread, which alone calls its functions.
class Helpers {
 public:
  Helpers() = default;
  ~Helpers() {
    {
      const std::scoped_lock lock(mutex_);
      ending_ = true;
    }
    call_arrived_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }
  Helpers(const Helpers&) = delete;
  Helpers& operator=(const Helpers&) = delete;
  Helpers(Helpers&&) = delete;
  Helpers& operator=(Helpers&&) = delete;

  /// Starts threads until there are `count`. Throws `SystemError`.
  void start(std::size_t count) {
    try {
      while (threads_.size() < count) threads_.emplace_back([this] { help(); });
    } catch (const std::system_error& e) {
      throw SystemError("A thread that shares the work could not be started", e.what(),
                        "Raise the limit of processes (ulimit -u), or set fewer threads.");
    }
  }

  /// Works on the call here and on up to `count` of the started threads, until it is done.
  void run(Call& call, std::size_t count) noexcept {
    {
      const std::scoped_lock lock(mutex_);
      call_ = &call;
      places_ = count;
    }
    for (std::size_t i = 0; i < count; ++i) call_arrived_.notify_one();
    call.work();
    std::unique_lock lock(mutex_);
    // No index is left: who has not come by now is not waited for.
    places_ = 0;
    helper_left_.wait(lock, [this] { return inside_ == 0; });
  }

 private:
  /// The body of a thread.
  void help();

  std::vector<std::thread> threads_;
  std::mutex mutex_;  ///< guards all that follows
  std::condition_variable call_arrived_;
  std::condition_variable helper_left_;
  Call* call_ = nullptr;
  std::size_t places_ = 0;  ///< for further helpers to work on the call
  std::size_t inside_ = 0;  ///< helpers that work on it
  bool ending_ = false;
};

/// What `parallel_for` keeps for a thread.
struct ThreadState {
  bool shares_work = false;  ///< it runs a body beside other threads
  pid_t process = 0;         ///< in which the helpers were started
  std::unique_ptr<Helpers> helpers;

  ThreadState() = default;
  ~ThreadState() { forget_helpers_of_parent(); }
  ThreadState(const ThreadState&) = delete;
  ThreadState& operator=(const ThreadState&) = delete;
  ThreadState(ThreadState&&) = delete;
  ThreadState& operator=(ThreadState&&) = delete;

  /// In a child process by fork the threads are gone, and joining them would never end.
  void forget_helpers_of_parent() noexcept {
    if (helpers && process != ::getpid()) (void)helpers.release();
  }
};

ThreadState& this_threads_state() {
  thread_local ThreadState state;
  return state;
}

void Helpers::help() {
  this_threads_state().shares_work = true;
  std::unique_lock lock(mutex_);
  while (true) {
    call_arrived_.wait(lock, [this] { return ending_ || places_ > 0; });
    if (ending_) return;
    Call& call = *call_;
    --places_;
    ++inside_;
    lock.unlock();
    call.work_as_helper();
    lock.lock();
    if (--inside_ == 0) helper_left_.notify_one();
  }
}

}  // namespace

int available_cores() noexcept {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

void parallel_for(std::int64_t count, int threads, const std::function<void(std::int64_t)>& body) {
  ThreadState& state = this_threads_state();
  const std::int64_t workers = std::min<std::int64_t>(threads, count);
  if (workers <= 1 || state.shares_work) {
    for (std::int64_t i = 0; i < count; ++i) body(i);
    return;
  }
  state.forget_helpers_of_parent();
  if (!state.helpers) {
    state.helpers = std::make_unique<Helpers>();
    state.process = ::getpid();
  }
  const auto helpers = static_cast<std::size_t>(workers) - 1;
  state.helpers->start(helpers);
  Call call(count, body);
  state.shares_work = true;
  state.helpers->run(call, helpers);
  state.shares_work = false;
  call.throw_error();
}

}  // namespace datus
