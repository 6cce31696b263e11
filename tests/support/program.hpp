// SPDX-License-Identifier: Apache-2.0
#pragma once

// Starts the built program, alone or under mpirun, and catches what it says.

#include "support/places.hpp"
#include "support/temp_folder.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <ostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

namespace datus::test {

using Arguments = std::vector<std::string>;

/// How a process ended.
struct Outcome {
  int code = -1;           ///< exit code; 128 + N after signal N
  bool timed_out = false;  ///< it was ended because it took too long: it hung
  std::string out;
  std::string err;
  std::int64_t peak_bytes = 0;  ///< of memory, of the largest process; at least what the test itself had when it began
  double cpu_seconds = 0;       ///< of all its processes
};

inline std::ostream& operator<<(std::ostream& stream, const Outcome& outcome) {
  return stream << (outcome.timed_out ? "TIMED OUT, " : "") << "exit code " << outcome.code << "\n--- stdout\n"
                << outcome.out << "--- stderr\n"
                << outcome.err;
}

/// Whether a killed process has come to its end: its threads are gone, though its parent may not have asked for it yet.
inline bool has_ended(pid_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/status");
  const std::string status{std::istreambuf_iterator<char>(file), {}};
  return status.empty() ||
         (status.find("State:\tZ") != std::string::npos && status.find("Threads:\t1\n") != std::string::npos);
}

/// A child process in a process group of its own, with its output in files.
class Process {
 public:
  /// `arguments[0]` is the program; `folder` its current folder; `more` are variables of its environment, "NAME=VALUE".
  Process(const Arguments& arguments, const std::filesystem::path& folder, const Arguments& more = {}) {
    std::vector<std::string> variables = environment();
    variables.insert(variables.end(), more.begin(), more.end());
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    check(posix_spawn_file_actions_init(&actions), "file actions");
    check(posix_spawnattr_init(&attributes), "attributes");
    constexpr int flags = O_WRONLY | O_CREAT | O_TRUNC;
    check(posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0), "stdin");
    check(posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, (output_ / "out").c_str(), flags, 0600), "stdout");
    check(posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, (output_ / "err").c_str(), flags, 0600), "stderr");
    check(posix_spawn_file_actions_addchdir_np(&actions, folder.c_str()), "folder");
    check(posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP), "process group");
    Arguments copy = arguments;
    const int error = posix_spawnp(&pid_, arguments.at(0).c_str(), &actions, &attributes, pointers(copy).data(),
                                   pointers(variables).data());
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)posix_spawnattr_destroy(&attributes);
    check(error, "start of " + arguments.at(0));
  }
  ~Process() {
    if (!status_) send_and_wait(SIGKILL);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  Process(Process&&) = delete;
  Process& operator=(Process&&) = delete;

  [[nodiscard]] bool running() {
    int status = 0;
    if (!status_ && ::wait4(pid_, &status, WNOHANG, &usage_) == pid_) status_ = status;
    return !status_;
  }

  /// Ends it at once, as the kernel or a scheduler may.
  Outcome kill() {
    if (running()) send_and_wait(SIGKILL);
    return outcome();
  }

  /// Sends a signal to the process alone; mpirun passes some on to its ranks.
  void send(int signal) {
    if (running()) (void)::kill(pid_, signal);
  }

  [[nodiscard]] pid_t id() const { return pid_; }

  /// Its children: of mpirun, the ranks.
  [[nodiscard]] std::vector<pid_t> children() const {
    const std::string pid = std::to_string(pid_);
    std::istringstream list(bytes_of("/proc/" + pid + "/task/" + pid + "/children"));
    return {std::istream_iterator<pid_t>(list), std::istream_iterator<pid_t>()};
  }

  /// Waits for the end of an mpirun of which a rank was killed. Where that happened while the rank was about to
  /// connect, Open MPI's may wait for ever after all ranks have come to their end: such a one is ended, and did not
  /// hang.
  Outcome wait_without_rank(std::chrono::seconds limit) {
    constexpr std::chrono::seconds patience(10);
    const auto start = std::chrono::steady_clock::now();
    auto last_seen = start;
    while (running() && std::chrono::steady_clock::now() - start < limit) {
      const auto now = std::chrono::steady_clock::now();
      if (!std::ranges::all_of(children(), has_ended)) last_seen = now;
      if (now - last_seen > patience) return kill();
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return wait(std::chrono::seconds(0));
  }

  /// Waits until it ends; one that takes longer than `limit` is ended. mpirun gets the time to end its ranks.
  Outcome wait(std::chrono::seconds limit) {
    if (!ends_within(limit)) {
      timed_out_ = true;
      (void)::kill(-pid_, SIGTERM);
      if (!ends_within(std::chrono::seconds(5))) send_and_wait(SIGKILL);
    }
    return outcome();
  }

 private:
  static void check(int error, const std::string& what) {
    if (error != 0) throw std::system_error(error, std::generic_category(), "cannot set up a process: " + what);
  }

  /// This process' variables without those of a surrounding job, which would change what a child takes itself for; with
  /// what mpirun needs to run as root and with more ranks than cores.
  static std::vector<std::string> environment() {
    std::vector<std::string> variables;
    for (char** entry = environ; *entry != nullptr; ++entry) {
      const std::string variable = *entry;
      bool of_a_job = false;
      for (const char* prefix : {"SLURM_", "OMPI_", "PMIX_", "PMI_", "OMP_"}) of_a_job |= variable.starts_with(prefix);
      if (!of_a_job) variables.push_back(variable);
    }
    for (const char* variable : {"OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1",
                                 "OMPI_MCA_mpi_yield_when_idle=1", "OMPI_MCA_rmaps_base_oversubscribe=1"}) {
      variables.emplace_back(variable);
    }
    return variables;
  }

  static std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> result;
    for (auto& text : texts) result.push_back(text.data());
    result.push_back(nullptr);
    return result;
  }

  bool ends_within(std::chrono::seconds limit) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (running()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
  }

  void send_and_wait(int signal) {
    (void)::kill(-pid_, signal);
    int status = 0;
    while (::wait4(pid_, &status, 0, &usage_) < 0 && errno == EINTR) {
    }
    status_ = status;
  }

  static double seconds(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  }

  Outcome outcome() {
    const int status = status_.value();
    return {.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
            .timed_out = timed_out_,
            .out = bytes_of(output_ / "out"),
            .err = bytes_of(output_ / "err"),
            .peak_bytes = std::int64_t{usage_.ru_maxrss} * 1024,
            .cpu_seconds = seconds(usage_.ru_utime) + seconds(usage_.ru_stime)};
  }

  TempFolder output_;
  pid_t pid_ = -1;
  std::optional<int> status_;
  struct rusage usage_ {};
  bool timed_out_ = false;
};

/// Where and how to start the program.
struct Launch {
  std::filesystem::path folder = "/";  ///< current folder of the program
  int ranks = 0;                       ///< 0: without mpirun
  Arguments mpirun = {};               ///< further arguments for mpirun
  std::chrono::seconds limit = std::chrono::seconds(120);
  Arguments environment = {};  ///< further variables of the program (not of mpirun), "NAME=VALUE"
};

/// The command line of `datus ARGUMENTS...`.
inline Arguments command_line(const Arguments& arguments, const Launch& launch = {}) {
  Arguments line;
  if (launch.ranks > 0) {
    line = {mpirun_path(), "-n", std::to_string(launch.ranks)};
    for (const std::string& variable : launch.environment) line.insert(line.end(), {"-x", variable});
    line.insert(line.end(), launch.mpirun.begin(), launch.mpirun.end());
  }
  line.push_back(program_path());
  line.insert(line.end(), arguments.begin(), arguments.end());
  return line;
}

/// Starts `datus ARGUMENTS...`.
inline Process start_program(const Arguments& arguments, const Launch& launch = {}) {
  return Process(command_line(arguments, launch), launch.folder, launch.ranks > 0 ? Arguments{} : launch.environment);
}

/// Runs `datus ARGUMENTS...` to its end.
inline Outcome run_program(const Arguments& arguments, const Launch& launch = {}) {
  return start_program(arguments, launch).wait(launch.limit);
}

}  // namespace datus::test
