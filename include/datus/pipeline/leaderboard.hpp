// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace datus {

/// The scores of a leaderboard, as fractions of 1, in the order of its columns.
struct LeaderboardScores {
  static constexpr std::array<std::string_view, 7> names = {"mIoU", "accuracy", "macro F1",  "fwIoU",
                                                            "NMI",  "ARI",      "boundary F"};
  /// Mean over the seeds; nothing where any of them has none.
  std::array<std::optional<double>, names.size()> mean;
  /// Standard deviation over the seeds, with n - 1; nothing for one seed.
  std::array<std::optional<double>, names.size()> deviation;
};

/// Runs that differ in nothing but the seed, at one K and by one protocol; or a published figure.
struct LeaderboardRow {
  std::string dataset;   ///< "camvid val", with the label map where one is chosen
  std::string backbone;  ///< the name of the weights
  std::string method;    ///< preset, and the settings in which the runs differ; of a published row its name
  int k = 0;             ///< 0: not given
  std::string protocol;
  int seeds = 0;
  LeaderboardScores scores;
  std::string source;  ///< of a published row; empty for measured ones
};

/// The rows of these run directories, sorted by data set, protocol, K and mIoU; then the published ones of their data
/// sets. Runs without scores are left out, with a warning; throws `InputError` when none has any, or a folder is no
/// run.
[[nodiscard]] std::vector<LeaderboardRow> read_leaderboard(std::span<const std::filesystem::path> runs);

enum class TableFormat { text, csv, markdown, html, latex };

/// The table in percent, "mean ± deviation"; the best of each column among the rows of one data set, protocol and K
/// marked where the format can, published rows apart. CSV has means and deviations in columns of their own.
[[nodiscard]] std::string leaderboard_text(std::span<const LeaderboardRow> rows, TableFormat format);

}  // namespace datus
