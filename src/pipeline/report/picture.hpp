// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/image_counts.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace datus {

/// All that is drawn of one image of the list. Pictures are files in base64.
struct ReportPicture {
  std::int64_t image = 0;
  std::string inputs;  ///< what it was drawn from, hashed
  int width = 0;       ///< of the photo and the maps; 0 for cut-outs alone
  int height = 0;
  std::string photo;                        ///< JPEG
  std::map<std::string, std::string> maps;  ///< PNG (`label_png_bytes`) by layer: "segments", "truth", "k027"
  std::string still;                        ///< PNG of the first K's mask in colours
  /// By K, pixels of clusters and classes; without ground truth, and where that is void, of the class -1.
  std::map<int, std::vector<CellCount>> pixels;
  std::map<int, std::string> cutouts;  ///< JPEG by segment
};

/// What RUN/report/pictures/000012.js holds: a call of a function with the picture, and a hash over all of it. Equal
/// pictures give equal bytes.
[[nodiscard]] std::string to_text(const ReportPicture& picture);

/// Back again; nothing for a text that is damaged, or was drawn from other inputs, where these are given.
[[nodiscard]] std::optional<ReportPicture> picture_from(const std::string& text,
                                                        const std::optional<std::string>& inputs = std::nullopt);

}  // namespace datus
