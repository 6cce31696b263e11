#include "pipeline/session/progress.hpp"

#include "datus/core/log.hpp"

#include <cstdio>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <utility>

#include <unistd.h>

namespace datus {

Progress::Progress(std::string stage, std::string unit, std::int64_t total, bool silent)
    : stage_(std::move(stage)),
      unit_(std::move(unit)),
      total_(total),
      silent_(silent),
      terminal_(::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (line_open_) std::cerr << "\r\033[K" << std::flush;
}

double Progress::seconds() const {
  return std::chrono::duration<double>(Clock::now() - start_).count();
}

void Progress::update(std::int64_t done, std::int64_t failures) {
  const auto now = Clock::now();
  const auto pause = terminal_ ? std::chrono::milliseconds(200) : std::chrono::milliseconds(30000);
  if (silent_ || now - last_ < pause) return;
  last_ = now;
  const double rate = static_cast<double>(done) / seconds();
  std::ostringstream line;
  line << stage_ << ": " << done << "/" << total_ << " " << unit_ << std::fixed << std::setprecision(2) << ", " << rate
       << " " << unit_ << "/s";
  if (rate > 0) line << ", " << std::setprecision(0) << static_cast<double>(total_ - done) / rate << " s left";
  if (failures > 0) line << ", " << failures << " unreadable";
  if (terminal_) {
    std::cerr << "\r\033[K" << line.str() << std::flush;
    line_open_ = true;
  } else {
    log::info(line.str());
  }
}

}  // namespace datus
