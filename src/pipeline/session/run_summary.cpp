// SPDX-License-Identifier: Apache-2.0
#include "pipeline/session/run_summary.hpp"

#include "datus/core/version.hpp"
#include "pipeline/session/segment_words.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <optional>
#include <span>
#include <utility>

#include <nlohmann/json.hpp>

namespace datus {
namespace {

using Json = nlohmann::ordered_json;

/// A time that can be added: finite, not below zero, and at most 31 years, so that no sum over ranks overflows.
double usable(double seconds) {
  return seconds > 0 ? std::min(seconds, 1e9) : 0;  // NaN is not above zero
}

std::optional<double> images_per_second(const StageWork& work) {
  if (work.images == 0 || !(work.wall_seconds > 0)) return std::nullopt;
  return static_cast<double>(work.images) / work.wall_seconds;
}

/// "1234567.8" to "1,234,567.8".
std::string with_commas(std::string number) {
  const std::size_t first = number.starts_with('-') ? 1 : 0;
  for (auto at = std::min(number.find('.'), number.size()); at > first + 3;) number.insert(at -= 3, ",");
  return number;
}

std::string text_of(std::int64_t count) {
  return with_commas(std::to_string(count));
}

std::string text_of(double value, int decimals) {
  if (!std::isfinite(value)) return "-";
  std::array<char, 400> text{};  // the largest double has 309 digits
  (void)std::snprintf(text.data(), text.size(), "%.*f", decimals, value);
  return with_commas(text.data());
}

std::string counted_with_commas(std::int64_t count, const std::string& thing) {
  return text_of(count) + " " + thing + (count == 1 ? "" : "s");
}

/// A row of the table: the stage, numbers, and what follows them.
constexpr std::size_t columns = 7;
struct Row {
  std::array<std::string, columns> cells;
  std::string note;
};

Row row_of(const StageWork& work) {
  if (work.shards == 0) return {{work.stage}, work.note.empty() ? "up to date" : work.note};
  const auto cell = [](std::int64_t count) { return count == 0 ? "-" : text_of(count); };
  const auto rate = images_per_second(work);
  return {{work.stage, cell(work.shards), cell(work.images), cell(work.segments), text_of(work.wall_seconds, 1),
           rate ? text_of(*rate, 2) : "-", work.bytes == 0 ? "-" : text_of(static_cast<double>(work.bytes) / 1e6, 1)},
          work.note};
}

/// The stages to the left, the numbers to the right; without blanks at the ends of lines.
std::string table_of(std::span<const Row> rows) {
  std::array<std::size_t, columns> widths{};
  for (const Row& row : rows) {
    for (std::size_t c = 0; c < columns; ++c) widths.at(c) = std::max(widths.at(c), row.cells.at(c).size());
  }
  std::string text;
  for (const Row& row : rows) {
    text += row.cells.front() + std::string(widths.front() - row.cells.front().size(), ' ');
    for (std::size_t c = 1; c < columns && !row.cells.at(c).empty(); ++c) {
      text += std::string(2 + widths.at(c) - row.cells.at(c).size(), ' ') + row.cells.at(c);
    }
    text += (row.note.empty() ? "" : "  " + row.note) + "\n";
  }
  return text;
}

Json json_of(const std::optional<SegmentTally>& tally) {
  if (!tally) return nullptr;
  const auto joined = tally->joined_share();
  Json json = {{"unassigned_share", tally->unassigned_share()}, {"edge_share", joined ? Json(*joined) : Json(nullptr)}};
  for (const auto& [name, count] : SegmentTally::counts()) json[name] = (*tally).*count;
  return json;
}

Json json_of(const StageWork& work) {
  const auto rate = images_per_second(work);
  return {{"shards", work.shards},
          {"images", work.images},
          {"segments", work.segments},
          {"bytes", work.bytes},
          {"busy_seconds", work.busy_seconds},
          {"wall_seconds", work.wall_seconds},
          {"images_per_second", rate ? Json(*rate) : Json(nullptr)},
          {"note", work.note}};
}

/// What an earlier summary says of the last job that did something in a stage; null where it says nothing.
Json last_work_in(const Json& stage) {
  if (!stage.is_object()) return nullptr;
  return stage.value("last_work", Json(nullptr));
}

}  // namespace

StageWork total_work(const StageWork& mine, Communicator& comm) {
  const double busy = usable(mine.busy_seconds);
  const double whole = std::floor(busy);
  // Whole seconds and the rest apart: one count of nanoseconds would overflow after 292 years of all ranks together.
  std::array<std::int64_t, 6> sums = {mine.shards,
                                      mine.images,
                                      mine.segments,
                                      mine.bytes,
                                      static_cast<std::int64_t>(whole),
                                      std::llround((busy - whole) * 1e9)};
  std::array<double, 1> longest = {usable(mine.wall_seconds)};
  comm.allreduce(std::span<std::int64_t>(sums), ReduceOp::sum);
  comm.allreduce(std::span<double>(longest), ReduceOp::max);
  const auto [shards, images, segments, bytes, seconds, nanoseconds] = sums;
  return {.stage = mine.stage,
          .shards = shards,
          .images = images,
          .segments = segments,
          .bytes = bytes,
          .busy_seconds = static_cast<double>(seconds) + static_cast<double>(nanoseconds) * 1e-9,
          .wall_seconds = longest.front(),
          .note = mine.note};
}

std::string summary_text(const RunSummary& summary) {
  std::vector<Row> rows = {{{"stage", "shards", "images", "segments", "seconds", "images/s", "MB"}, ""}};
  for (const StageWork& work : summary.stages) rows.push_back(row_of(work));
  std::string text = table_of(rows) + "\n";
  text += counted_with_commas(summary.images, "image") + " in " + counted_with_commas(summary.shards, "shard");
  if (summary.segments > 0) text += ", " + counted_with_commas(summary.segments, "segment");
  if (summary.unreadable > 0) text += ", " + text_of(summary.unreadable) + " unreadable";
  if (summary.tally) text += "\n" + tally_text(*summary.tally);
  if (!summary.carried_classes.empty()) text += "\nclasses of the clusters: " + summary.carried_classes;
  text += "\n" + counted_with_commas(summary.ranks, "rank") + " with " +
          counted_with_commas(summary.threads, "thread") + " each, " + text_of(summary.seconds, 1) + " seconds\n";
  return text;
}

nlohmann::ordered_json summary_json(const RunSummary& summary, const nlohmann::ordered_json& before) {
  Json stages = Json::object();
  if (before.is_object() && before.contains("stages") && before["stages"].is_object()) stages = before["stages"];
  for (auto& [name, stage] : stages.items()) {
    if (stage.is_object()) stage["of_this_job"] = false;
  }
  for (const StageWork& work : summary.stages) {
    Json last = work.shards == 0 && stages.contains(work.stage) ? last_work_in(stages[work.stage]) : Json(nullptr);
    Json& stage = stages[work.stage] = json_of(work);
    if (work.shards > 0) {
      last = stage;
      last["ranks"] = summary.ranks;
      last["threads"] = summary.threads;
    }
    stage["of_this_job"] = true;
    stage["last_work"] = std::move(last);
  }
  Json carried = summary.carried_classes.empty() ? Json(nullptr) : Json(summary.carried_classes);
  if (carried.is_null() && before.is_object() && before.contains("carried_classes"))
    carried = before["carried_classes"];
  Json suggested = Json::array();
  if (summary.suggested_k) {
    suggested = *summary.suggested_k;
  } else if (before.is_object() && before.contains("suggested_k")) {
    suggested = before["suggested_k"];
  }
  return {{"schema", 1},
          {"version", version()},
          {"command", summary.command},
          {"exit_code", static_cast<int>(summary.exit_code)},
          {"images", summary.images},
          {"shards", summary.shards},
          {"unreadable", summary.unreadable},
          {"segments", summary.segments},
          {"segmentation", json_of(summary.tally)},
          {"ranks", summary.ranks},
          {"threads", summary.threads},
          {"seconds", summary.seconds},
          {"carried_classes", std::move(carried)},
          {"suggested_k", std::move(suggested)},
          {"stages", std::move(stages)}};
}

std::filesystem::path summary_script_path(const RunDirectory& directory) {
  return directory.summary().replace_extension(".js");
}

std::string summary_script(const nlohmann::ordered_json& summary) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const Json job = {{"unix_seconds", std::chrono::duration_cast<std::chrono::seconds>(now).count()},
                    {"summary", summary}};
  return "datusJob(" + job.dump(-1, ' ', false, Json::error_handler_t::replace) + ");\n";
}

}  // namespace datus
