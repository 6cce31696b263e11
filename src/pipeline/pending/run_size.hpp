// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/config/config.hpp"
#include "datus/core/text.hpp"  // size_text, for files that take it from here
#include "datus/core/types.hpp"
#include "datus/pipeline/run_directory.hpp"
#include "pipeline/files/image_list.hpp"
#include "pipeline/files/stage_files.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace datus {

/// Bytes that the files of a run take, by stage. Keys are exact but for HDF5's own structures; segments (their number
/// depends on the images) and masks are estimates that are meant to be a little high.
struct RunSize {
  std::int64_t keys = 0;
  std::int64_t segments = 0;
  std::int64_t descriptors = 0;
  std::int64_t clusters = 0;
  std::int64_t masks = 0;
  std::int64_t other = 0;  ///< list, virtual files, scores, report, logs
  [[nodiscard]] std::int64_t total() const { return keys + segments + descriptors + clusters + masks + other; }
  friend bool operator==(const RunSize&, const RunSize&) = default;
};

/// A part of a `RunSize`, and what people call it.
struct RunPart {
  const char* name;
  std::int64_t RunSize::*bytes;
};
inline constexpr std::array run_parts = {RunPart{files_of(Stage::extract).folder, &RunSize::keys},
                                         RunPart{files_of(Stage::segment).folder, &RunSize::segments},
                                         RunPart{files_of(Stage::describe).folder, &RunSize::descriptors},
                                         RunPart{files_of(Stage::cluster).folder, &RunSize::clusters},
                                         RunPart{files_of(Stage::mask).folder, &RunSize::masks},
                                         RunPart{"other", &RunSize::other}};

/// The part that a stage's files count in: that of its folder, or the other files.
[[nodiscard]] constexpr std::int64_t RunSize::*part_of(Stage stage) {
  for (const RunPart& part : run_parts) {
    if (std::string_view(part.name) == files_of(stage).folder) return part.bytes;
  }
  return &RunSize::other;
}
static_assert(std::ranges::all_of(stage_files,
                                  [](const StageFiles& files) {
                                    return !files.is_by_shard || part_of(files.stage) != &RunSize::other;
                                  }),
              "each stage that works by shards has a part of RunSize");

/// What the whole run will take; images whose header cannot be read take nothing. `dim`: width of the embeddings;
/// `descriptor_dim`: of the descriptors. Segments are assumed to be 6 per image and one for each 32 times the patches
/// that a segment has at least (1.3 to 4 times what photos have), unless it is known; masks to
/// have as many outlines as that makes.
[[nodiscard]] RunSize estimate_run_size(const Config& config, const ImageList& list, GridSize grid, int dim,
                                        int descriptor_dim, std::optional<double> segments_per_image = {});

/// How many files a finished run has, but for the logs of further ranks and jobs: many file systems bound their number.
struct RunFiles {
  std::int64_t masks = 0;
  std::int64_t all = 0;
};
[[nodiscard]] RunFiles count_run_files(const Config& config, const ImageList& list);

/// What the files that are there take, by stage. Not those that a killed process left unfinished: they will be removed.
/// Nothing for a folder that does not exist. Throws `SystemError` when a folder cannot be looked into.
[[nodiscard]] RunSize present_run_size(const RunDirectory& directory);

/// What each part will grow by; 0 for those that are there already.
[[nodiscard]] RunSize bytes_to_write(const RunSize& whole, const RunSize& present);

/// What must be free for that: 1 % and 16 MiB more, for the error of the estimate, for what the file system keeps of
/// its own and for files that are replaced while the old ones are still there. 0 when there is nothing to write.
[[nodiscard]] std::int64_t required_bytes(const RunSize& whole, const RunSize& present);

/// Throws `SystemError` when what is still to be written does not fit, naming bytes needed, free and the largest part,
/// and what helps: another folder, storage.embeddings: none, `--force`.
void require_space(const RunSize& whole, const RunSize& present, const RunDirectory& directory);

}  // namespace datus
