// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <thread>

namespace datus {

/// How far a stage is.
struct ProgressState {
  std::string stage;
  double done = 0;         ///< images
  std::int64_t total = 0;  ///< images; 0 where they are not counted
  double seconds = 0;      ///< since its beginning
  std::string words = {};  ///< what there is to say where images are not counted
};

/// "extract: 12/64 images, 0.53 images/s, 98.0 s left".
[[nodiscard]] std::string progress_text(const ProgressState& state);
/// The same with a bar behind the name, in at most `columns` characters.
[[nodiscard]] std::string progress_bar(const ProgressState& state, int columns);
/// When the line after the one at `seconds` comes: soon at first, later every 30 seconds.
[[nodiscard]] double next_progress_line(double seconds);

/// Tells on rank 0 how far a stage is: a bar that redraws itself on a terminal, lines in a log, the first after a
/// second. A thread of its own tells it, so that nobody waits for a line while the stage waits for others.
class Progress {
 public:
  /// Of `total` images; 0: only the time is told. A silent one says nothing (other ranks). `done_elsewhere` adds what
  /// other ranks are known to have done; it is called on the other thread, and must live as long as this.
  Progress(std::string stage, std::int64_t total, bool silent, std::function<double()> done_elsewhere = {});
  /// Of work that is not counted in images: `words` say how far it is. They are asked for on the other thread.
  Progress(std::string stage, bool silent, std::function<std::string()> words);
  /// Clears the line of a terminal.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  Progress(Progress&&) = delete;
  Progress& operator=(Progress&&) = delete;

  /// So many images more are done; fractions are of images that have further stages before them. From any thread.
  void add(double images);

  /// Begins work on so many images that is done in pieces, for example crops: `pieces_done` tells how many of them are
  /// done, `end_pieces` adds what is left of the images. From one thread, one after the other.
  void begin_pieces(double images, std::int64_t pieces);
  void pieces_done(std::size_t done);
  void end_pieces();

  [[nodiscard]] double seconds() const;

 private:
  Progress(std::string stage, std::int64_t total, bool silent, std::function<double()> done_elsewhere,
           std::function<std::string()> words);

  using Clock = std::chrono::steady_clock;

  [[nodiscard]] ProgressState state() const;
  void tell(const std::stop_token& stop) const;

  std::string stage_;
  std::int64_t total_;
  std::function<double()> done_elsewhere_;
  std::function<std::string()> words_;
  bool is_terminal_;
  Clock::time_point start_ = Clock::now();
  std::atomic<double> done_{0};
  std::atomic<double> done_in_pieces_{0};
  double images_in_pieces_ = 0;
  std::int64_t pieces_ = 0;
  std::jthread teller_;  ///< the last member: it reads the others
};

}  // namespace datus
