#include "datus/core/log.hpp"

#include <memory>

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

namespace datus::log {
namespace {

// The registry is spdlog's own; this function only makes sure that our logger is in it.
std::shared_ptr<spdlog::logger> logger() {
  static const std::shared_ptr<spdlog::logger> instance = [] {
    auto created = spdlog::stderr_color_mt("datus");
    created->set_pattern("datus: %^%v%$");
    return created;
  }();
  return instance;
}

}  // namespace

void info(std::string_view text) {
  logger()->info("{}", text);
}
void warning(std::string_view text) {
  logger()->warn("warning: {}", text);
}
void error(std::string_view text) {
  logger()->error("error: {}", text);
}
void set_quiet(bool quiet) {
  logger()->set_level(quiet ? spdlog::level::warn : spdlog::level::info);
}

}  // namespace datus::log
