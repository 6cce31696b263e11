// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/model/weight_branch.hpp"
#include "model/vit/vit_family.hpp"

namespace datus {

/// What to do with a model that is not read, for messages.
inline constexpr const char* supported_families =
    "Use DINO, iBOT, Mugs, MoCo-v3, MAE, I-JEPA, DINOv2, DINOv3 or Unicom in the naming of its authors, of timm or of "
    "Hugging Face.";

/// Throws `InputError` that names the kind of file when the tensors are no plain weights (shards of FSDP, a quantised
/// model, the state of an optimizer), or those of a model that is known and not supported. `family` is what they were
/// taken for.
void refuse_strangers(const WeightBranch& weights, const ViTFamily& family);

}  // namespace datus
