// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/model/weights.hpp"

#include <string>
#include <vector>

namespace datus {

struct NamedTensor {
  std::string name;
  const WeightTensor* tensor;
};

/// LitEma, the average of latent diffusion and what was made after it, takes the dots out of names:
/// "model_ema.blocks0attnqkvweight" is the average of "model.blocks.0.attn.qkv.weight". Gives such names below a prefix
/// that speaks of an EMA their dots back, and adds under it what the model has beside: what is frozen is not averaged.
void restore_dots(std::vector<NamedTensor>& tensors);

}  // namespace datus
