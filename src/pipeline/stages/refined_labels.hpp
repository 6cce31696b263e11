#pragma once

#include "datus/config/config.hpp"
#include "datus/core/image.hpp"
#include "pipeline/inputs/input_preparation.hpp"

#include <span>

namespace datus {

/// Labels of all pixels of an image that follow its edges: the similarities [P, clusters] of its patches, interpolated,
/// are the scores that mask.refine starts from (for the CRF 20 times as much are logits). That is done on the image
/// itself, or where it has more pixels than the model's input, on a copy with about as many; what comes out is
/// interpolated again. -1 for a pixel that no patch shows. One thread. Throws as `DenseCrf` and `guided_filter` do.
[[nodiscard]] LabelMap refined_labels(std::span<const float> similarities, int clusters,
                                      const InputPreparation& preparation, const Image& image,
                                      MaskConfig::Refine refine);

}  // namespace datus
