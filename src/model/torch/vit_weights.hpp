// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/hash.hpp"
#include "datus/model/weight_branch.hpp"
#include "datus/model/weights.hpp"
#include "model/torch/transformer_block.hpp"
#include "model/vit/vit_plan.hpp"

#include <optional>
#include <vector>

#include <ATen/core/Tensor.h>

namespace datus {

/// Makes an image's vector, [1, E], of all its patches: for families without a CLS token.
struct ImageHead {
  Linear first;   ///< [D, P D]
  Linear second;  ///< [E, D]
};

/// A model's weights as float32 tensors, ready to compute with. All families have one form here: query, key and value
/// are stacked, a bias that is not there is zero, LayerScale is multiplied into the layer before it, a gate is stacked
/// on the layer that it gates.
struct ViTWeights {
  Linear patch_embedding;              ///< weight [D, 3 p p], in the order channel, row, column
  std::vector<float> cls_token;        ///< [D] with its position added, or nothing
  std::vector<float> registers;        ///< [R, D]
  std::vector<float> positions;        ///< [native grid squared, D], or nothing for rotary ones
  std::vector<double> rotary_periods;  ///< [head width / 4], or nothing
  std::vector<TransformerBlock> blocks;
  Norm final_norm;
  std::optional<ImageHead> image_head;
  Hash hash;  ///< over names, shapes and float32 values of the tensors in use, whatever kind of file they came from
};

/// Converts the tensors of `plan`, one after the other. Throws `InputError` naming the tensor when it holds values that
/// are not finite.
[[nodiscard]] ViTWeights load_vit_weights(const WeightFile& file, const WeightBranch& branch, const ViTPlan& plan);

}  // namespace datus
