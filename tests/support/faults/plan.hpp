// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

/// What libdatus_faults.so does to the process that it is preloaded into. The program under test knows nothing of it.
///
///     DATUS_FAULT=CALL:COUNT:ACTION[:WHERE][;…]      for example "rename:3:kill-before:/keys/;fsync:1:EIO"
///
/// CALL      open (open, openat, creat, fopen), write (write, writev, fwrite), pwrite, fsync (and fdatasync), rename,
///           close (and fclose), truncate (ftruncate), MPI_Allreduce; each with its 64-bit and checked forms
/// COUNT     3: the third matching call of this process; 3+: from the third on; *: each
/// ACTION    kill-before, kill-after: SIGKILL to itself; the name of an error (ENOSPC, EIO, …); short: half of the
/// bytes
///           are written (not by fwrite, for which that is a failure); eintr: fails with EINTR once, then works (not
///           stdio); delay=MS: waits before; log: nothing but the line in the log
/// WHERE     part of the path, a $ at its end stands for the end of the path; of a renamed file either path matches.
///           For MPI_Allreduce the least number of elements.
///
/// DATUS_FAULT_RANK=1 limits all of it to that rank of an MPI job. DATUS_FAULT_LOG=FILE appends a line for each call
/// that was touched: "rank=1 pid=4711 call=rename number=3 action=kill-before path=…". A plan that cannot be understood
/// ends the process with exit code 99: a typing error must not look like a program that survives.
namespace datus::faults {

enum class Call : std::uint8_t { open, write, pwrite, fsync, rename, close, truncate, allreduce };

enum class Action : std::uint8_t { kill_before, kill_after, fail, shorten, interrupt, delay, log };

struct Rule {
  std::string_view text;  ///< CALL:COUNT:ACTION[:WHERE]
  std::string_view action_name;
  Call call = Call::open;
  Action action = Action::log;
  std::uint64_t count = 1;
  bool from_then_on = false;
  int value = 0;                ///< the error, or milliseconds
  std::int64_t elements = 0;    ///< of MPI_Allreduce, at least
  std::string_view where = {};  ///< without the $
  bool to_the_end = false;
  std::atomic<std::uint64_t> seen{0};
};

/// One call of the program, before it is made.
struct Target {
  const char* path = "";
  const char* other_path = "";  ///< of a renamed file the new path
  std::int64_t elements = 0;
  bool is_stream = false;  ///< a call of stdio
};

/// What the hook has to do with the call.
struct Verdict {
  int error = 0;  ///< fail with it, if not 0
  bool shorten = false;
  bool kill_after = false;
};

/// The rules of this process. Never allocates: it is asked inside of allocators, signal handlers and start-up code.
class Plan {
 public:
  /// Reads the environment, once.
  static Plan& of_this_process();

  [[nodiscard]] bool concerns(Call call) const { return (calls_ >> static_cast<unsigned>(call) & 1U) != 0; }

  /// Counts the call, does what has to be done before it (or never returns), and says the rest. Safe from any thread.
  Verdict judge(Call call, const Target& target);

 private:
  static constexpr std::size_t most_rules = 16;
  static constexpr std::size_t longest_text = 4096;

  Plan();
  void parse(std::string_view text);
  void parse_rule(std::string_view text, Rule& rule);
  void log(const Rule& rule, std::uint64_t number, const Target& target) const;

  std::array<char, longest_text> text_{};
  std::array<Rule, most_rules> rules_;
  std::size_t rule_count_ = 0;
  unsigned calls_ = 0;
  const char* rank_ = "";
  const char* log_path_ = nullptr;
};

/// Ends this process as the kernel or an operator would, at once.
[[noreturn]] void kill_this_process();

}  // namespace datus::faults
