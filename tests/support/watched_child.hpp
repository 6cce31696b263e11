// SPDX-License-Identifier: Apache-2.0
#pragma once

// Work that may crash or never end, in a process of its own.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <functional>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace datus::test {

/// Memory of a child and its parent: how far the child is, and what it has to say.
class ChildState {
 public:
  std::atomic<std::int64_t> step{0};
  std::array<std::atomic<std::int64_t>, 4> counts{};

  void say(std::string_view text) {
    const std::size_t size = std::min(text.size(), sizeof(text_) - 1);
    std::memcpy(text_, text.data(), size);
    text_[size] = '\0';
  }
  [[nodiscard]] std::string said() const { return text_; }

 private:
  char text_[4096] = {};
};

/// A `ChildState` that survives a fork.
class SharedState {
 public:
  SharedState() {
    void* memory = ::mmap(nullptr, sizeof(ChildState), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::runtime_error("no shared memory");
    state_ = new (memory) ChildState;
  }
  ~SharedState() { ::munmap(state_, sizeof(ChildState)); }
  SharedState(const SharedState&) = delete;
  SharedState& operator=(const SharedState&) = delete;
  [[nodiscard]] ChildState& operator*() const { return *state_; }
  [[nodiscard]] ChildState* operator->() const { return state_; }

 private:
  ChildState* state_ = nullptr;
};

/// Runs `work` in a child whose stderr goes to the file `log`. Returns "" when it came to its end, else how it ended.
/// A child that stays at one step for two minutes hangs, and is killed.
inline std::string run_in_child(const SharedState& state, const std::filesystem::path& log,
                                const std::function<void()>& work) {
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("cannot fork");
  if (child == 0) {
    const int descriptor = ::open(log.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0600);
    ::dup2(descriptor, STDERR_FILENO);
    try {
      work();
    } catch (const std::exception& error) {
      state->say(std::string("unexpected exception: ") + error.what());
    }
    ::_exit(0);
  }
  constexpr auto patience = std::chrono::minutes(2);
  std::int64_t step = state->step;
  auto since = std::chrono::steady_clock::now();
  for (int status = 0;;) {
    const pid_t ended = ::waitpid(child, &status, WNOHANG);
    if (ended == child) {
      if (WIFSIGNALED(status)) return "ended by signal " + std::to_string(WTERMSIG(status));
      return WEXITSTATUS(status) == 0 ? "" : "ended with exit code " + std::to_string(WEXITSTATUS(status));
    }
    const auto now = std::chrono::steady_clock::now();
    if (state->step != step) {
      step = state->step;
      since = now;
    } else if (now - since > patience) {
      ::kill(child, SIGKILL);
      ::waitpid(child, &status, 0);
      return "hung";
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

}  // namespace datus::test
