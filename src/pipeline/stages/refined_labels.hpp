// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/dense_crf.hpp"
#include "datus/algo/guided_filter.hpp"
#include "datus/config/config.hpp"
#include "datus/core/image.hpp"
#include "pipeline/inputs/input_preparation.hpp"
#include "pipeline/stages/dense_labels.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <variant>

namespace datus {

/// Is given the labels of a clustering, by its number among those that were asked for.
using TakeLabels = std::function<void(std::size_t clustering, LabelMap labels)>;

/// Labels of all pixels of an image that follow its edges: the similarities of its patches, interpolated, are the
/// scores that mask.refine starts from (for the CRF 20 times as much are logits). That is done on the image itself, or
/// where it has more pixels than the model's input, on a copy with about as many; what comes out is interpolated again.
///
/// Memory beside the image's own: what `DenseCrf` or `GuidedFilter` keep for so many pixels, and 8 bytes for each pixel
/// of the image and each clustering with classes in the group that is at work. For one thread at a time.
class RefinedLabels {
 public:
  /// Of images that were prepared so.
  RefinedLabels(InputPreparation preparation, MaskConfig::Refine refine);

  /// Makes what depends on the image alone. Throws as `DenseCrf` and `GuidedFilter` do.
  void look_at(const Image& image);

  /// Of that image, from the similarities [P, clusters of all clusterings] of its patches: `take` is given the map of
  /// each clustering, in their order. -1 for a pixel that no patch shows. Throws as `DenseCrf` and `GuidedFilter` do.
  void labels(std::span<const float> similarities, std::span<const int> clusters, const TakeLabels& take);

 private:
  /// From clusterings that are refined together, the first of them number `number`.
  void refine(const PatchSimilarities& similarities, std::span<const int> clusters, std::size_t number,
              const TakeLabels& take);
  [[nodiscard]] LabelMap without_hidden(LabelMap labels) const;

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
