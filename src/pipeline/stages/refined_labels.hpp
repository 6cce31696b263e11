// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/dense_crf.hpp"
#include "datus/algo/guided_filter.hpp"
#include "datus/config/config.hpp"
#include "datus/core/image.hpp"
#include "pipeline/inputs/input_preparation.hpp"

#include <cstdint>
#include <span>
#include <variant>

namespace datus {

/// Labels of all pixels of an image that follow its edges: the similarities of its patches, interpolated, are the
/// scores that mask.refine starts from (for the CRF 20 times as much are logits). That is done on the image itself, or
/// where it has more pixels than the model's input, on a copy with about as many; what comes out is interpolated again.
///
/// Memory beside the image's own: what `DenseCrf` or `GuidedFilter` keep for so many pixels, and 8 bytes for each pixel
/// of the image. For one thread at a time.
class RefinedLabels {
 public:
  /// Of images that were prepared so.
  RefinedLabels(InputPreparation preparation, MaskConfig::Refine refine);

  /// Makes what depends on the image alone. Throws as `DenseCrf` and `GuidedFilter` do.
  void look_at(const Image& image);

  /// Of that image, from the similarities [P, clusters] of its patches; for any number of clusterings. -1 for a pixel
  /// that no patch shows. Throws as `DenseCrf` and `GuidedFilter` do.
  [[nodiscard]] LabelMap labels(std::span<const float> similarities, int clusters);

 private:
  InputPreparation preparation_;
  std::variant<std::monostate, DenseCrf, GuidedFilter> method_;
  /// Sizes of the image, and of the copy that is refined.
  int height_ = 0;
  int width_ = 0;
  int small_height_ = 0;
  int small_width_ = 0;
};

/// Bytes that `RefinedLabels` takes for each pixel that is refined, on photos.
[[nodiscard]] std::int64_t refining_bytes_per_pixel(MaskConfig::Refine refine, int clusters);

}  // namespace datus
