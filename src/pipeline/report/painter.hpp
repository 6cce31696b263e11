// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pipeline/files/image_contents.hpp"
#include "pipeline/files/run_masks.hpp"
#include "pipeline/files/segments_file.hpp"
#include "pipeline/report/recent_shards.hpp"
#include "pipeline/report/report_data.hpp"
#include "pipeline/session/run_context.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace datus {

/// What is wanted of one image.
struct PictureRequest {
  std::int64_t image = 0;
  bool is_shown = false;      ///< photo and maps
  std::vector<int> segments;  ///< whose cut-outs are wanted, ascending
};

/// Draws images, each into a file of RUN/report/pictures. One that is there and was drawn from the same is taken as it
/// is. Not collective; for any number of threads.
class Painter {
 public:
  /// `results`: mappings and colours of all K, and scores for what they tell of the ground truth.
  Painter(const RunContext& run, const std::vector<ReportResult>& results, const ReportClasses& classes,
          std::int64_t most_pixels);
  ~Painter() = default;
  Painter(const Painter&) = delete;
  Painter& operator=(const Painter&) = delete;

  /// What its file holds (`to_text`); nothing for an image that cannot be read. Throws `InputError` for masks or
  /// segments that cannot be used.
  [[nodiscard]] std::optional<ReportPicture> picture(const PictureRequest& request) const;

  /// The file of a picture.
  [[nodiscard]] static std::filesystem::path file_of(const RunDirectory& directory, std::int64_t image);

 private:
  /// What is the same for all images of a shard.
  struct ShardInputs {
    std::string masks;  ///< what those of all K are made from, hashed
    std::optional<ImageContents> contents;
  };

  [[nodiscard]] ShardIndex shard_of(std::int64_t image) const { return {image / run_.list.shard_size}; }
  [[nodiscard]] ShardInputs inputs_of_shard(ShardIndex shard) const;
  [[nodiscard]] std::string inputs_of(const PictureRequest& request) const;
  [[nodiscard]] std::optional<ReportPicture> draw(const PictureRequest& request) const;
  void draw_maps(std::int64_t image, ReportPicture& picture, const LabelMap& segments) const;
  [[nodiscard]] LabelMap segments_of(std::int64_t image, int height, int width) const;
  [[nodiscard]] std::optional<LabelMap> truth_of(std::int64_t image) const;

  const RunContext& run_;
  const std::vector<ReportResult>& results_;
  int classes_;
  std::int64_t most_pixels_;
  RunMasks masks_;
  RecentShards<ShardInputs> shard_inputs_;
  RecentShards<SegmentsFile> segments_;
  std::string common_;  ///< inputs of all pictures, hashed
  Palette class_palette_;
  Palette segment_palette_;
};

}  // namespace datus
