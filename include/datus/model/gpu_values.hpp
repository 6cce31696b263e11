// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/model/vit_architecture.hpp"

#include <cstdint>

namespace datus {

/// Numbers (of 2 bytes, 4 with float32) that a model of that shape holds at once on a GPU for each image of a batch, of
/// `patches` patches: what the model keeps at the widest point of a block. `segment_cls`: for its descriptors, too.
/// Attention is taken not to store its scores, and LibTorch's allocator to waste nothing.
[[nodiscard]] std::int64_t activation_values(const ViTArchitecture& architecture, std::int64_t patches,
                                             bool segment_cls);

/// Numbers that the weights are there. With 16 bits queries, keys and values lie there a second time, for the
/// embeddings in the type with more digits.
[[nodiscard]] std::int64_t weight_values(const ViTArchitecture& architecture, bool is_16_bit);

}  // namespace datus
