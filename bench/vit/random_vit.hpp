// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/model/vision_transformer.hpp"
#include "vit/vit_shape.hpp"

namespace datus::bench {

/// A model of these sizes with random weights, whose activations stay in the range of a trained one's. It goes through
/// a weights file in the folder for temporary files, which is removed.
[[nodiscard]] VisionTransformer make_random_vit(const ViTShape& shape, int threads);

}  // namespace datus::bench
