// SPDX-License-Identifier: Apache-2.0
#include "datus/core/log.hpp"

#include "datus/core/printable.hpp"

#include <memory>

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

namespace datus::log {
namespace {

// The registry is spdlog's own; this function only makes sure that our logger is in it.
std::shared_ptr<spdlog::logger> logger() {
  static const std::shared_ptr<spdlog::logger> instance = [] {
    auto created = spdlog::stderr_color_mt("datus");
    // A bar of progress may stand in the line of a terminal.
    created->set_pattern(::isatty(STDERR_FILENO) == 1 ? "\033[Kdatus: %^%v%$" : "datus: %^%v%$");
    return created;
  }();
  return instance;
}

/// A line of whatever length fills no log.
std::string line_of(std::string_view text) {
  constexpr std::size_t longest = std::size_t{1} << 14U;
  return printable_line(text, longest);
}

}  // namespace

void detail(std::string_view text) {
  logger()->debug("{}", line_of(text));
}
void info(std::string_view text) {
  logger()->info("{}", line_of(text));
}
void warning(std::string_view text) {
  logger()->warn("warning: {}", line_of(text));
}
void error(std::string_view text) {
  logger()->error("error: {}", line_of(text));
}
void set_level(Level level) {
  switch (level) {
    case Level::quiet:
      return logger()->set_level(spdlog::level::warn);
    case Level::normal:
      return logger()->set_level(spdlog::level::info);
    case Level::verbose:
      return logger()->set_level(spdlog::level::debug);
  }
}
bool says_info() {
  return logger()->should_log(spdlog::level::info);
}

}  // namespace datus::log
