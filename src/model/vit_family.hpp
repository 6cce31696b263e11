#pragma once

#include "datus/model/vision_transformer.hpp"
#include "datus/model/vit_architecture.hpp"
#include "datus/model/weight_branch.hpp"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace datus {

/// How a family of Vision Transformers names its tensors, and what the tensors do not tell. Layers
/// have two tensors each, with ".weight" and ".bias" added to the name.
struct ViTFamily {
  std::string_view name;  ///< for people
  /// A tensor that only this family has; the row without one is taken when no other fits.
  std::string_view sign;
  double layer_norm_eps;
  PositionRule position;

  std::string_view cls_token;
  std::string_view position_embedding;
  std::string_view patch_embedding;
  std::string_view final_norm;
  std::string_view block;  ///< what stands before a block's number; a dot follows it
  std::string_view norm1;
  std::string_view qkv;
  std::string_view projection;
  std::string_view norm2;
  std::string_view mlp_in;
  std::string_view mlp_out;
  /// Beginnings of the names of tensors that have no part in the features: heads, decoders, mask
  /// tokens.
  std::span<const std::string_view> ignored;

  /// "blocks.3.attn.qkv" for (3, qkv).
  [[nodiscard]] std::string block_layer(int number, std::string_view layer) const;
};

/// A model that is ready to be loaded.
struct ViTPlan {
  const ViTFamily* family = nullptr;
  ViTArchitecture architecture;
  /// Every tensor in use, by name, with the shape that it was found to have.
  std::map<std::string, std::vector<std::int64_t>> tensors;
};

/// Finds the family and the sizes from the tensors alone, and checks that every tensor is there in
/// the right shape and that none is left over (a tensor of unknown meaning is a model that this
/// code would compute wrongly). Throws `InputError` naming the file and the tensor; `UsageError`
/// for options that do not fit the model.
[[nodiscard]] ViTPlan plan_vit(const WeightBranch& weights, const ViTOptions& options);

}  // namespace datus
