// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/model/vit_architecture.hpp"

#include <array>
#include <span>
#include <string>
#include <string_view>

namespace datus {

/// The layers of a block's MLP. With a gate of its own the first layer is two, gate and in; without one it is either
/// plain or has gate and in stacked, which its shape tells.
struct MlpNames {
  std::string_view gate;
  std::string_view in;
  std::string_view out;
};

/// A published model whose heads are not 64 wide. `prefix` is a wrapper that the checkpoint must have had.
struct HeadWidth {
  int dim;
  int width;
  std::string_view prefix;
};

/// Tensors that have no part in the features, by the beginning of their names, and what they are.
struct IgnoredTensors {
  std::string_view prefix;
  std::string_view why;
};

/// How a family of Vision Transformers names its tensors, and what the tensors do not tell. Layers have two tensors,
/// with ".weight" and ".bias" added to the name; names inside a block follow "BLOCK NUMBER .". An empty name: the
/// family has no such tensor. A new family is one more row of the table in vit_families.cpp.
struct ViTFamily {
  std::string_view name;  ///< for people
  /// A tensor that only this family has, among those below it in the table; the last row has none and fits always.
  std::string_view sign;
  std::string_view second_sign{};  ///< another one that it must have
  std::string_view absent{};       ///< one that it must not have
  double layer_norm_eps = 1e-6;
  PositionRule position = PositionRule::offset;
  Activation activation = Activation::gelu;  ///< of an MLP without a gate
  std::array<double, 3> mean{0.485, 0.456, 0.406};
  std::array<double, 3> standard_deviation{0.229, 0.224, 0.225};

  std::string_view cls_token = "cls_token";
  std::string_view registers{};
  std::string_view position_embedding = "pos_embed";
  bool cls_has_position = true;       ///< the first row of the position embeddings is the CLS token's
  double rotary_period = 0;           ///< > 0: rotary positions; the base of their periods
  std::string_view rotary_periods{};  ///< the periods themselves, where the family stores them
  std::string_view patch_embedding = "patch_embed.proj";
  std::string_view final_norm = "norm";
  std::string_view image_head{};  ///< layers 0 to 3 that make the image's vector of all patches (Unicom)

  std::string_view block = "blocks.";
  std::string_view norm1 = "norm1";
  std::string_view qkv = "attn.qkv";              ///< query, key and value stacked; or empty, and the three are layers
  std::array<std::string_view, 3> projections{};  ///< query, key, value
  std::string_view query_bias{};  ///< with `qkv`: biases that are tensors of their own, taken where they are there
  std::string_view value_bias{};
  std::string_view key_bias_mask{};  ///< its presence says that the stored bias of the keys does not count
  std::string_view projection = "attn.proj";
  std::string_view scale1{};  ///< LayerScale, taken where it is there
  std::string_view norm2 = "norm2";
  std::span<const MlpNames> mlps{};  ///< the first that is there counts
  std::string_view scale2{};

  std::span<const HeadWidth> head_widths{};
  std::span<const IgnoredTensors> ignored{};

  /// "blocks.3.attn.qkv" for (3, qkv).
  [[nodiscard]] std::string block_layer(int number, std::string_view layer) const;
};

/// All families, those with a sign first.
[[nodiscard]] std::span<const ViTFamily> vit_families() noexcept;

}  // namespace datus
