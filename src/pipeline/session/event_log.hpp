// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace datus {

/// The log of one rank for programs: one JSON object per line, each with "time" (UTC, milliseconds) and "event", then
/// its own fields. RUN/log/LAUNCH/rank0003.jsonl, one file per start of a job and rank, so that each has one writer.
/// Safe from any thread. A log never ends a run: when it cannot be written, that is said once as a warning, and lines
/// are lost as long as it lasts.
class EventLog {
 public:
  /// Writes nowhere.
  EventLog();
  /// Makes the file and its folder; goes on after what a file of that name already holds.
  explicit EventLog(const std::filesystem::path& file);
  ~EventLog();
  /// The log that is moved from writes nowhere.
  EventLog(EventLog&&) noexcept;
  EventLog& operator=(EventLog&&) noexcept;
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

  /// Appends one line with a single system call, so that what a killed process said before is there. `fields` is a JSON
  /// object; names that are "time" or "event" are a defect of the caller, and left out. Bytes that are not UTF-8 become
  /// U+FFFD; numbers that are not finite become null.
  void write(std::string_view event, const nlohmann::ordered_json& fields) const;
  void write(std::string_view event) const;

 private:
  class Sink;
  std::unique_ptr<Sink> sink_;
};

}  // namespace datus
