// SPDX-License-Identifier: Apache-2.0
#include "datus/core/job_identity.hpp"

#include "datus/core/environment.hpp"
#include "datus/core/error.hpp"
#include "datus/core/hash.hpp"
#include "datus/core/text.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <csignal>
#include <cstddef>
#include <ctime>
#include <filesystem>
#include <limits>
#include <optional>
#include <sstream>
#include <string_view>

#include <sys/types.h>
#include <unistd.h>

namespace datus {
namespace {

namespace fs = std::filesystem;

/// Longest job text in bytes: names of files are made of it.
constexpr std::size_t longest_job = 64;

constexpr bool is_plain(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/// The whole of `text` as a number in decimal; none for anything else.
std::optional<std::int64_t> number_of(std::string_view text) {
  std::int64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return value;
}

std::string host_name() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

std::string boot_id() {
  const std::string text = text_of_file("/proc/sys/kernel/random/boot_id").value_or("");
  return text.substr(0, text.find('\n'));
}

std::string process_space() {
  std::error_code error;
  // Some containers see the /proc of the host, where our PIDs are the numbers of other processes.
  if (fs::read_symlink("/proc/self", error).string() != std::to_string(::getpid())) return {};
  return fs::read_symlink("/proc/self/ns/pid", error).string();
}

/// What the kernel says of a process.
struct ProcessStatus {
  char state = '?';
  std::int64_t threads = 0;
  std::int64_t started = 0;  ///< clock ticks since the boot
};

/// `process` is a PID or "self". None when the kernel does not tell.
std::optional<ProcessStatus> status_of(const std::string& process) {
  const std::string text = text_of_file(fs::path("/proc") / process / "stat").value_or("");
  // The second field is the command's name in parentheses, which may hold spaces and parentheses itself.
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  constexpr int state_field = 3;
  constexpr int threads_field = 20;
  constexpr int started_field = 22;
  std::istringstream fields(text.substr(name_end + 1));
  ProcessStatus status;
  std::string field;
  for (int number = state_field; number <= started_field; ++number) {
    if (!(fields >> field)) return std::nullopt;
    if (number == state_field) status.state = field.front();
    if (number == threads_field) status.threads = number_of(field).value_or(0);
    if (number == started_field) status.started = number_of(field).value_or(0);
  }
  return status;
}

bool has_ended(const ProcessStatus& status) {
  // The first thread of a process may be a zombie while others still run.
  return (status.state == 'Z' && status.threads <= 1) || status.state == 'X' || status.state == 'x';
}

std::string fit_for_names(std::string text) {
  text.resize(std::min(text.size(), longest_job));
  for (char& c : text) {
    if (!is_plain(c)) c = '_';
  }
  return text;
}

/// Letters, digits and a few harmless signs stay, every other byte becomes %XX.
std::string escaped(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  constexpr std::string_view harmless = ".:[]";
  std::string result;
  for (const char c : text) {
    if (is_plain(c) || harmless.find(c) != std::string_view::npos) {
      result += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      result.append({'%', digits[byte / 16U], digits[byte % 16U]});
    }
  }
  return result;
}

/// Undoes `escaped`; what is no escape stays as it is.
std::string unescaped(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned char byte = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16).ptr == text.data() + i + 3) {
      result += static_cast<char>(byte);
      i += 2;
    } else {
      result += text[i];
    }
  }
  return result;
}

/// Takes "KEY=VALUE;" from the front of `text`, and gives VALUE. None, with `text` as it was, when it begins otherwise.
std::optional<std::string_view> take_field(std::string_view& text, std::string_view key) {
  const std::size_t end = text.find(';');
  if (end == std::string_view::npos || !text.starts_with(key)) return std::nullopt;
  if (key.size() >= end || text[key.size()] != '=') return std::nullopt;
  const std::string_view value = text.substr(key.size() + 1, end - key.size() - 1);
  text.remove_prefix(end + 1);
  return value;
}

std::optional<JobIdentity> parsed(std::string_view text) {
  JobIdentity job;
  const auto take_text = [&text](std::string_view key, std::string& value) {
    const auto field = take_field(text, key);
    if (field) value = unescaped(*field);
    return field.has_value();
  };
  const auto take_number = [&text](std::string_view key, std::int64_t& value) {
    const auto number = number_of(take_field(text, key).value_or(""));
    value = number.value_or(0);
    return number.has_value();
  };
  const bool complete = take_text("job", job.job) && take_number("restart", job.restart) &&
                        take_text("host", job.root.host) && take_text("boot", job.root.boot) &&
                        take_text("process_space", job.root.process_space) &&
                        take_number("process", job.root.process) && take_number("started", job.root.started);
  if (!complete) return std::nullopt;
  return job;
}

}  // namespace

ProcessIdentity this_process() {
  ProcessIdentity identity;
  identity.host = host_name();
  identity.boot = boot_id();
  identity.process_space = process_space();
  identity.process = ::getpid();
  identity.started = status_of("self").value_or(ProcessStatus{}).started;
  return identity;
}

double seconds_since_start(const ProcessIdentity& process) {
  timespec now{};
  const auto ticks = static_cast<double>(process.started);
  if (ticks <= 0 || ::clock_gettime(CLOCK_BOOTTIME, &now) != 0) return 0;
  const double started = ticks / static_cast<double>(std::max(1L, ::sysconf(_SC_CLK_TCK)));
  return std::max(0.0, static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec) - started);
}

ProcessState state_of(const ProcessIdentity& process) {
  const std::string boot = boot_id();
  const std::string space = process_space();
  if (boot.empty() || boot != process.boot) return ProcessState::unknown;
  if (space.empty() || space != process.process_space) return ProcessState::unknown;
  // To kill() numbers below 1 are groups of processes.
  if (process.process < 1 || process.process > std::numeric_limits<pid_t>::max()) return ProcessState::unknown;
  const auto status = status_of(std::to_string(process.process));
  if (!status) {
    // /proc may hide the processes of other users; whether there is one, the kernel tells everybody.
    const bool missing = ::kill(static_cast<pid_t>(process.process), 0) != 0 && errno == ESRCH;
    return missing ? ProcessState::dead : ProcessState::unknown;
  }
  if (status->started == 0 || process.started == 0) return ProcessState::unknown;
  return status->started == process.started && !has_ended(*status) ? ProcessState::alive : ProcessState::dead;
}

std::string JobIdentity::launch() const {
  constexpr std::size_t digits = 12;
  return job + "." + std::to_string(restart) + "." + std::to_string(root.process) + "." +
         Hasher().add(to_text(*this)).finish().hex().substr(0, digits);
}

JobIdentity job_from_environment() {
  JobIdentity identity;
  const std::string job = environment_variable("SLURM_JOB_ID");
  identity.job = job.empty() ? "local" : fit_for_names(job);
  // Without a job a count is left over from somewhere else.
  const auto restart = job.empty() ? std::nullopt : number_of(environment_variable("SLURM_RESTART_COUNT"));
  identity.restart = std::max<std::int64_t>(restart.value_or(0), 0);
  identity.root = this_process();
  return identity;
}

std::string to_text(const JobIdentity& job) {
  // Each field ends with a semicolon, so that no beginning of the text is a text itself: a file that was cut off names
  // no other process.
  return "job=" + escaped(job.job) + ";restart=" + std::to_string(job.restart) + ";host=" + escaped(job.root.host) +
         ";boot=" + escaped(job.root.boot) + ";process_space=" + escaped(job.root.process_space) +
         ";process=" + std::to_string(job.root.process) + ";started=" + std::to_string(job.root.started) + ";";
}

JobIdentity job_from_text(const std::string& text) {
  const auto job = parsed(text);
  // One way of writing each job: whatever else could be read as one (other escapes, leading zeros, more text) is none.
  if (job && to_text(*job) == text) return *job;
  constexpr std::size_t shown = 80;
  throw InputError("\"" + escaped(text.substr(0, shown)) + (text.size() > shown ? "..." : "") + "\" names no job",
                   "expected are job, restart, host, boot, process_space, process and started, each with a value",
                   "It was written by something else or is damaged.");
}

}  // namespace datus
