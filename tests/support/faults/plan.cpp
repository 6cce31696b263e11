// SPDX-License-Identifier: Apache-2.0
#include "support/faults/plan.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace datus::faults {
namespace {

constexpr std::array<std::pair<std::string_view, Call>, 9> call_names{{{"open", Call::open},
                                                                       {"write", Call::write},
                                                                       {"pwrite", Call::pwrite},
                                                                       {"fsync", Call::fsync},
                                                                       {"fdatasync", Call::fsync},
                                                                       {"rename", Call::rename},
                                                                       {"close", Call::close},
                                                                       {"truncate", Call::truncate},
                                                                       {"MPI_Allreduce", Call::allreduce}}};

constexpr std::array<std::pair<std::string_view, Action>, 5> action_names{{{"kill-before", Action::kill_before},
                                                                           {"kill-after", Action::kill_after},
                                                                           {"short", Action::shorten},
                                                                           {"eintr", Action::interrupt},
                                                                           {"log", Action::log}}};

constexpr std::array<std::pair<std::string_view, int>, 14> error_names{{{"EACCES", EACCES},
                                                                        {"EDQUOT", EDQUOT},
                                                                        {"EFBIG", EFBIG},
                                                                        {"EINTR", EINTR},
                                                                        {"EINVAL", EINVAL},
                                                                        {"EIO", EIO},
                                                                        {"EMFILE", EMFILE},
                                                                        {"ENOENT", ENOENT},
                                                                        {"ENOMEM", ENOMEM},
                                                                        {"ENOSPC", ENOSPC},
                                                                        {"EPERM", EPERM},
                                                                        {"EROFS", EROFS},
                                                                        {"ESTALE", ESTALE},
                                                                        {"ETIMEDOUT", ETIMEDOUT}}};

/// Past the hooks of this library.
void write_raw(int descriptor, const char* text, std::size_t size) {
  while (size > 0) {
    const long written = ::syscall(SYS_write, descriptor, text, size);
    if (written <= 0) return;
    text += written;
    size -= static_cast<std::size_t>(written);
  }
}

[[noreturn]] void refuse(std::string_view rule, const char* why) {
  constexpr int misuse = 99;
  std::array<char, 512> line{};
  const int size = std::snprintf(line.data(), line.size(), "datus_faults: DATUS_FAULT \"%.*s\": %s\n",
                                 static_cast<int>(std::min<std::size_t>(rule.size(), 400)), rule.data(), why);
  write_raw(STDERR_FILENO, line.data(), static_cast<std::size_t>(std::max(size, 0)));
  ::syscall(SYS_exit_group, misuse);
  std::abort();
}

template <class Table>
auto find_name(const Table& table, std::string_view name) {
  return std::find_if(table.begin(), table.end(), [&](const auto& entry) { return entry.first == name; });
}

const char* call_name(Call call) {
  const auto entry =
      std::find_if(call_names.begin(), call_names.end(), [&](const auto& one) { return one.second == call; });
  return entry->first.data();  // of literals, which end with a zero
}

/// Cuts off `text` up to `mark` or its end.
std::string_view take(std::string_view& text, char mark) {
  const std::size_t end = std::min(text.find(mark), text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

template <class Number>
bool parse_number(std::string_view text, Number& number) {
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  return problem == std::errc() && end == text.data() + text.size();
}

bool is_part(const Rule& rule, std::string_view path) {
  return rule.to_the_end ? path.ends_with(rule.where) : path.find(rule.where) != std::string_view::npos;
}

bool matches(const Rule& rule, Call call, const Target& target) {
  if (rule.call != call) return false;
  if (target.is_stream && (rule.action == Action::shorten || rule.action == Action::interrupt)) return false;
  if (call == Call::allreduce) return target.elements >= rule.elements;
  return rule.where.empty() || is_part(rule, target.path) || (call == Call::rename && is_part(rule, target.other_path));
}

bool fires(const Rule& rule, std::uint64_t number) {
  if (!rule.from_then_on) return number == rule.count;
  // An interrupted call is made again, and must work then.
  const bool skips = rule.action == Action::interrupt && (number - rule.count) % 2 != 0;
  return number >= rule.count && !skips;
}

void wait_milliseconds(int milliseconds) {
  timespec rest{milliseconds / 1000, (milliseconds % 1000) * 1'000'000L};
  while (::nanosleep(&rest, &rest) != 0 && errno == EINTR) {
  }
}

const char* rank_of_process() {
  for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"}) {
    if (const char* rank = std::getenv(name)) return rank;
  }
  return "";
}

}  // namespace

void kill_this_process() {
  for (;;) ::syscall(SYS_kill, ::getpid(), SIGKILL);
}

Plan& Plan::of_this_process() {
  static Plan plan;
  return plan;
}

Plan::Plan() : rank_(rank_of_process()), log_path_(std::getenv("DATUS_FAULT_LOG")) {
  const char* text = std::getenv("DATUS_FAULT");
  if (text == nullptr || *text == '\0') return;
  const char* only_rank = std::getenv("DATUS_FAULT_RANK");
  if (only_rank != nullptr && std::strcmp(only_rank, rank_) != 0) return;
  const std::size_t size = std::strlen(text);
  if (size >= text_.size()) refuse("…", "it is too long");
  // The program may change its environment.
  std::memcpy(text_.data(), text, size);
  parse({text_.data(), size});
}

void Plan::parse(std::string_view text) {
  while (!text.empty()) {
    const std::string_view one = take(text, ';');
    if (one.empty()) continue;
    if (rule_count_ == rules_.size()) refuse(one, "there are too many rules");
    parse_rule(one, rules_[rule_count_++]);
  }
  for (std::size_t i = 0; i < rule_count_; ++i) calls_ |= 1U << static_cast<unsigned>(rules_[i].call);
}

void Plan::parse_rule(std::string_view text, Rule& rule) {
  rule.text = text;
  const auto call = find_name(call_names, take(text, ':'));
  if (call == call_names.end()) refuse(rule.text, "there is no such CALL");
  rule.call = call->second;

  std::string_view count = take(text, ':');
  rule.from_then_on = count == "*" || count.ends_with('+');
  if (count.ends_with('+')) count.remove_suffix(1);
  if (count != "*" && (!parse_number(count, rule.count) || rule.count == 0)) {
    refuse(rule.text, "COUNT is 3, 3+ or *");
  }

  rule.action_name = take(text, ':');
  constexpr std::string_view delay = "delay=";
  if (const auto error = find_name(error_names, rule.action_name); error != error_names.end()) {
    rule.action = Action::fail;
    rule.value = error->second;
  } else if (const auto action = find_name(action_names, rule.action_name); action != action_names.end()) {
    rule.action = action->second;
  } else if (rule.action_name.starts_with(delay) && parse_number(rule.action_name.substr(delay.size()), rule.value) &&
             rule.value >= 0) {
    rule.action = Action::delay;
  } else {
    refuse(rule.text, "there is no such ACTION");
  }

  rule.where = text;
  rule.to_the_end = rule.where.ends_with('$');
  if (rule.to_the_end) rule.where.remove_suffix(1);
  if (rule.call == Call::allreduce && !rule.where.empty() && !parse_number(rule.where, rule.elements)) {
    refuse(rule.text, "WHERE of MPI_Allreduce is a number of elements");
  }
}

void Plan::log(const Rule& rule, std::uint64_t number, const Target& target) const {
  if (log_path_ == nullptr) return;
  std::array<char, 1024> line{};
  const int wanted =
      std::snprintf(line.data(), line.size(), "rank=%s pid=%d call=%s number=%llu action=%.*s path=%s\n", rank_,
                    static_cast<int>(::getpid()), call_name(rule.call), static_cast<unsigned long long>(number),
                    static_cast<int>(rule.action_name.size()), rule.action_name.data(), target.path);
  const std::size_t size = std::min(static_cast<std::size_t>(std::max(wanted, 0)), line.size() - 1);
  const long file = ::syscall(SYS_openat, AT_FDCWD, log_path_, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (file < 0) return;
  write_raw(static_cast<int>(file), line.data(), size);
  ::syscall(SYS_close, static_cast<int>(file));
}

Verdict Plan::judge(Call call, const Target& target) {
  const int saved_errno = errno;
  Verdict verdict;
  for (std::size_t i = 0; i < rule_count_; ++i) {
    Rule& rule = rules_[i];
    if (!matches(rule, call, target)) continue;
    const std::uint64_t number = rule.seen.fetch_add(1, std::memory_order_relaxed) + 1;
    if (!fires(rule, number)) continue;
    log(rule, number, target);
    switch (rule.action) {
      case Action::kill_before:
        kill_this_process();
      case Action::kill_after:
        verdict.kill_after = true;
        break;
      case Action::fail:
        verdict.error = rule.value;
        break;
      case Action::shorten:
        verdict.shorten = true;
        break;
      case Action::interrupt:
        verdict.error = EINTR;
        break;
      case Action::delay:
        wait_milliseconds(rule.value);
        break;
      case Action::log:
        break;
    }
  }
  errno = saved_errno;
  return verdict;
}

}  // namespace datus::faults
