// SPDX-License-Identifier: Apache-2.0
#include "pipeline/session/progress.hpp"

#include "datus/core/log.hpp"
#include "datus/core/text.hpp"

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <iomanip>
#include <iostream>
#include <mutex>
#include <sstream>
#include <utility>

#include <sys/ioctl.h>
#include <unistd.h>

namespace datus {
namespace {

constexpr double first_line = 1;

int columns_of_terminal() {
  constexpr int usual = 80;
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : usual;
}

/// Behind the name of the stage.
std::string numbers(const ProgressState& state) {
  const std::string at_work = "at work for " + duration_text(state.seconds);
  if (state.total == 0) return state.words.empty() ? at_work : state.words + ", " + at_work;
  std::ostringstream text;
  text << std::floor(state.done) << "/" << state.total << " images";
  // Not the same line again and again: that would look as if nothing went on.
  if (state.done < 1 || state.seconds <= 0) return text.str() + ", " + at_work;
  const double rate = state.done / state.seconds;
  text << std::fixed << std::setprecision(2) << ", " << rate << " images/s";
  const double left = static_cast<double>(state.total) - state.done;
  if (left > 0) text << ", " << duration_text(left / rate) << " left";
  return text.str();
}

}  // namespace

std::string progress_text(const ProgressState& state) {
  return state.stage + ": " + numbers(state);
}

std::string progress_bar(const ProgressState& state, int columns) {
  constexpr int width = 24;
  std::string text = state.stage;
  if (state.total > 0) {
    const double share = std::clamp(state.done / static_cast<double>(state.total), 0.0, 1.0);
    const auto full = static_cast<std::size_t>(share * width);
    text += " [" + std::string(full, '=') + std::string(width - full, ' ') + "]";
  }
  text += " " + numbers(state);
  return text.substr(0, static_cast<std::size_t>(std::max(columns, 0)));
}

double next_progress_line(double seconds) {
  constexpr double longest = 30;
  return seconds < first_line ? first_line : seconds + std::min(seconds, longest);
}

Progress::Progress(std::string stage, std::int64_t total, bool silent, std::function<double()> done_elsewhere)
    : Progress(std::move(stage), total, silent, std::move(done_elsewhere), {}) {}

Progress::Progress(std::string stage, bool silent, std::function<std::string()> words)
    : Progress(std::move(stage), 0, silent, {}, std::move(words)) {}

Progress::Progress(std::string stage, std::int64_t total, bool silent, std::function<double()> done_elsewhere,
                   std::function<std::string()> words)
    : stage_(std::move(stage)),
      total_(total),
      done_elsewhere_(std::move(done_elsewhere)),
      words_(std::move(words)),
      is_terminal_(::isatty(STDERR_FILENO) == 1) {
  if (!silent && log::says_info()) teller_ = std::jthread([this](const std::stop_token& stop) { tell(stop); });
}

Progress::~Progress() {
  if (!teller_.joinable()) return;
  teller_.request_stop();
  teller_.join();
}

void Progress::add(double images) {
  done_.fetch_add(images, std::memory_order_relaxed);
}

void Progress::begin_pieces(double images, std::int64_t pieces) {
  images_in_pieces_ = images;
  pieces_ = pieces;
}

void Progress::pieces_done(std::size_t done) {
  if (pieces_ <= 0) return;
  const double share = std::min(1.0, static_cast<double>(done) / static_cast<double>(pieces_));
  done_in_pieces_.store(images_in_pieces_ * share, std::memory_order_relaxed);
}

void Progress::end_pieces() {
  done_in_pieces_.store(0, std::memory_order_relaxed);
  add(std::exchange(images_in_pieces_, 0));
  pieces_ = 0;
}

double Progress::seconds() const {
  return std::chrono::duration<double>(Clock::now() - start_).count();
}

ProgressState Progress::state() const {
  const double here = done_.load(std::memory_order_relaxed) + done_in_pieces_.load(std::memory_order_relaxed);
  const double all = here + (done_elsewhere_ ? done_elsewhere_() : 0);
  return {.stage = stage_,
          .done = std::min(all, static_cast<double>(total_)),
          .total = total_,
          .seconds = seconds(),
          .words = words_ ? words_() : std::string()};
}

void Progress::tell(const std::stop_token& stop) const {
  // Other ranks' share is looked up on the disk.
  constexpr double frame = 0.5;
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  for (double next = first_line;; next = is_terminal_ ? next + frame : next_progress_line(next)) {
    const auto time = start_ + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(next));
    (void)wake.wait_until(lock, stop, time, [] { return false; });
    if (stop.stop_requested()) break;
    if (is_terminal_) {
      // The cursor goes back to the left: the next line of the log is written over the bar.
      std::cerr << "\033[K" + progress_bar(state(), columns_of_terminal() - 1) + "\r" << std::flush;
    } else {
      log::info(progress_text(state()));
    }
  }
  if (is_terminal_) std::cerr << "\033[K" << std::flush;
}

}  // namespace datus
