// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/types.hpp"
#include "datus/model/vit_architecture.hpp"

#include <span>
#include <vector>

namespace datus {

/// Brings position embeddings, [native, native, dim], to another grid, [rows, cols, dim], by two
/// bicubic passes in double precision (rows first), rounded once to float32. The rules are
/// PyTorch's F.interpolate as the models' own code calls it, written out so that the result does
/// not depend on LibTorch's version.
[[nodiscard]] std::vector<float> resize_positions(std::span<const float> positions, int native, int dim, GridSize grid,
                                                  PositionRule rule);

}  // namespace datus
