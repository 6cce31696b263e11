// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/config/config.hpp"
#include "datus/core/image.hpp"
#include "datus/io/dataset.hpp"
#include "datus/pipeline/compare.hpp"
#include "datus/pipeline/run_directory.hpp"
#include "pipeline/files/image_list.hpp"
#include "pipeline/files/run_masks.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace datus {

/// One of the two runs.
struct ComparedRun {
  std::string title;  ///< its folder, with what tells it from the other where both have the same
  RunDirectory directory{std::filesystem::path()};
  Config config;
  int k = 0;
  std::unique_ptr<const ImageList> list;
  std::unique_ptr<const RunMasks> masks;
};

/// An image that both runs have masks of.
struct CommonImage {
  std::string name;
  std::array<std::int64_t, 2> place{};  ///< in the list of each run
  int height = 0;
  int width = 0;
  DatasetItem item;  ///< photo and ground truth; empty paths where there are none
};

/// Two runs and what they have in common.
struct RunPair {
  std::array<ComparedRun, 2> runs;
  std::vector<CommonImage> images;         ///< in the order of the first run
  std::unique_ptr<const Dataset> dataset;  ///< photos and ground truth; null where the images are not there any more
  std::vector<std::string> notes;          ///< sentences: what does not fit, and what was done about it
  std::vector<std::array<std::string, 3>> settings;  ///< what was run: key, value of the first, of the second

  /// The mask of one run for an image, in the size of the image. Throws as `RunMasks::read`.
  [[nodiscard]] LabelMap mask(std::size_t run, const CommonImage& image) const;
  [[nodiscard]] bool has_truth() const { return dataset != nullptr && dataset->has_truth(); }
};

/// Opens both; ground truth is that of the first run's data set, or else of the second's. Throws as `compare_runs`.
[[nodiscard]] RunPair open_pair(const CompareRequest& request);

}  // namespace datus
