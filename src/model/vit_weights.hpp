#pragma once

#include "datus/core/hash.hpp"
#include "datus/model/weight_branch.hpp"
#include "model/transformer_block.hpp"
#include "model/vit_family.hpp"

#include <span>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

namespace datus {

/// A model's weights as float32 tensors, ready to compute with.
struct ViTWeights {
  Linear patch_embedding;        ///< weight [D, 3 p p], in the order channel, row, column
  std::vector<float> cls_token;  ///< [D]
  std::vector<float> positions;  ///< [1 + native grid squared, D], the CLS token's first
  std::vector<TransformerBlock> blocks;
  Norm final_norm;
  Hash hash;  ///< over names, shapes and float32 values, in the order of the names
};

/// Converts the tensors of `plan`. Throws `InputError` naming the tensor when it holds values that
/// are not finite.
[[nodiscard]] ViTWeights load_vit_weights(const WeightBranch& branch, const ViTPlan& plan);

}  // namespace datus
