// SPDX-License-Identifier: Apache-2.0
#include "model/vit/vit_family.hpp"

namespace datus {
namespace {

constexpr std::array<MlpNames, 1> plain_mlp{{{"", "mlp.fc1", "mlp.fc2"}}};
constexpr std::array<MlpNames, 2> dinov2_mlps{{{"", "mlp.fc1", "mlp.fc2"}, {"", "mlp.w12", "mlp.w3"}}};
constexpr std::array<MlpNames, 2> dinov3_mlps{{{"", "mlp.fc1", "mlp.fc2"}, {"mlp.w1", "mlp.w2", "mlp.w3"}}};
constexpr std::array<MlpNames, 2> timm_dinov3_mlps{{{"", "mlp.fc1", "mlp.fc2"}, {"mlp.fc1_g", "mlp.fc1_x", "mlp.fc2"}}};
constexpr std::array<MlpNames, 1> hub_vit_mlp{{{"", "intermediate.dense", "output.dense"}}};
constexpr std::array<MlpNames, 2> hub_dinov2_mlps{
    {{"", "mlp.fc1", "mlp.fc2"}, {"", "mlp.weights_in", "mlp.weights_out"}}};
constexpr std::array<MlpNames, 2> hub5_dinov2_mlps{
    {{"", "mlp.fc1", "mlp.fc2"}, {"mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"}}};
constexpr std::array<MlpNames, 2> hub_dinov3_mlps{
    {{"mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"}, {"", "mlp.up_proj", "mlp.down_proj"}}};

/// MoCo-v3 S, MAE H and the ViT-H, g, G of the first papers.
constexpr std::array<HeadWidth, 4> plain_head_widths{
    {{384, 32, "base_encoder."}, {1280, 80, ""}, {1408, 88, ""}, {1664, 104, ""}}};
constexpr std::array<HeadWidth, 1> dinov3_head_widths{{{4096, 128, ""}}};

constexpr std::string_view masking = "stands for masked patches in training";
constexpr std::string_view heads = "a head for training or classification";
constexpr std::array<IgnoredTensors, 11> plain_ignored{{{"head.", heads},
                                                        {"head_dist.", heads},
                                                        {"mask_token", masking},
                                                        {"masked_embed", masking},
                                                        {"decoder_", "MAE's decoder"},
                                                        {"predictor.", heads},
                                                        {"projector.", heads},
                                                        {"fc.", heads},
                                                        {"pre_logits.", heads},
                                                        {"dino_head.", heads},
                                                        {"ibot_head.", heads}}};
constexpr std::array<IgnoredTensors, 2> unicom_ignored{{{"feature.1.num_batches_tracked", "counts steps of training"},
                                                        {"feature.3.num_batches_tracked", "counts steps of training"}}};
constexpr std::array<IgnoredTensors, 4> dinov3_ignored{{{"mask_token", masking},
                                                        {"head.", heads},
                                                        {"local_cls_norm.", "the norm of training's small crops"},
                                                        {"dino_head.", heads}}};
constexpr std::array<IgnoredTensors, 5> hub_ignored{{{"pooler.", "not used by the reference"},
                                                     {"embeddings.mask_token", masking},
                                                     {"decoder.", "MAE's decoder"},
                                                     {"classifier.", heads},
                                                     {"head.", heads}}};

/// The naming of the original ViT, of timm and of DINO, from which the others differ.
constexpr ViTFamily plain_vit() {
  return {.name = "plain ViT (DINO, iBOT, Mugs, MoCo-v3, MAE)",
          .sign = "",
          .mlps = plain_mlp,
          .head_widths = plain_head_widths,
          .ignored = plain_ignored};
}

constexpr ViTFamily mae() {
  ViTFamily family = plain_vit();
  family.name = "MAE with its decoder";
  family.sign = "decoder_pos_embed";
  family.position = PositionRule::size;
  return family;
}

/// Without a CLS token and without a vector for the image; the encoder of a checkpoint is the same model.
constexpr ViTFamily ijepa() {
  ViTFamily family = plain_vit();
  family.name = "I-JEPA";
  family.sign = "patch_embed.proj.weight";
  family.absent = "cls_token";
  family.position = PositionRule::size;
  family.cls_token = "";
  family.cls_has_position = false;
  return family;
}

constexpr ViTFamily unicom() {
  ViTFamily family = plain_vit();
  family.name = "Unicom";
  family.sign = "feature.0.weight";
  family.layer_norm_eps = 1e-5;
  family.activation = Activation::relu6;
  family.mean = {0.48145466, 0.4578275, 0.40821073};
  family.standard_deviation = {0.26862954, 0.26130258, 0.27577711};
  family.cls_token = "";
  family.cls_has_position = false;
  family.image_head = "feature";
  family.head_widths = {};
  family.ignored = unicom_ignored;
  return family;
}

constexpr ViTFamily dinov2() {
  ViTFamily family = plain_vit();
  family.name = "DINOv2";
  family.sign = "blocks.0.ls1.gamma";
  family.scale1 = "ls1.gamma";
  family.scale2 = "ls2.gamma";
  family.mlps = dinov2_mlps;
  family.head_widths = {};
  return family;
}

constexpr ViTFamily dinov2_with_registers() {
  ViTFamily family = dinov2();
  family.name = "DINOv2 with registers";
  family.sign = "register_tokens";
  family.registers = "register_tokens";
  family.position = PositionRule::size_antialias;
  return family;
}

/// timm folds the CLS token's position into the token, and keeps positions of patches only.
constexpr ViTFamily timm_dinov2_with_registers() {
  ViTFamily family = dinov2_with_registers();
  family.name = "DINOv2 with registers, timm naming";
  family.sign = "reg_token";
  family.registers = "reg_token";
  family.cls_has_position = false;
  return family;
}

constexpr ViTFamily dinov3() {
  ViTFamily family = dinov2();
  family.name = "DINOv3";
  family.sign = "rope_embed.periods";
  family.layer_norm_eps = 1e-5;
  family.registers = "storage_tokens";
  family.position_embedding = "";
  family.rotary_period = 100;
  family.rotary_periods = "rope_embed.periods";
  family.key_bias_mask = "attn.qkv.bias_mask";
  family.mlps = dinov3_mlps;
  family.head_widths = dinov3_head_widths;
  family.ignored = dinov3_ignored;
  return family;
}

/// timm names DINOv3 as its EVA models, and does not store periods and the bias of the keys, which are none.
constexpr ViTFamily timm_dinov3() {
  ViTFamily family = dinov3();
  family.name = "DINOv3, timm naming";
  family.sign = "blocks.0.gamma_1";
  family.second_sign = "reg_token";
  family.absent = "pos_embed";
  family.registers = "reg_token";
  family.rotary_periods = "";
  family.query_bias = "attn.q_bias";
  family.value_bias = "attn.v_bias";
  family.key_bias_mask = "";
  family.scale1 = "gamma_1";
  family.mlps = timm_dinov3_mlps;
  family.scale2 = "gamma_2";
  return family;
}

constexpr ViTFamily hub_vit() {
  return {.name = "ViT, Hugging Face naming",
          .sign = "embeddings.patch_embeddings.projection.weight",
          .layer_norm_eps = 1e-12,
          .position = PositionRule::size,
          .cls_token = "embeddings.cls_token",
          .position_embedding = "embeddings.position_embeddings",
          .patch_embedding = "embeddings.patch_embeddings.projection",
          .final_norm = "layernorm",
          .block = "encoder.layer.",
          .norm1 = "layernorm_before",
          .qkv = "",
          .projections = {"attention.attention.query", "attention.attention.key", "attention.attention.value"},
          .projection = "attention.output.dense",
          .norm2 = "layernorm_after",
          .mlps = hub_vit_mlp,
          .head_widths = plain_head_widths,
          .ignored = hub_ignored};
}

constexpr ViTFamily hub_dinov2() {
  ViTFamily family = hub_vit();
  family.name = "DINOv2, Hugging Face naming";
  family.sign = "encoder.layer.0.layer_scale1.lambda1";
  family.layer_norm_eps = 1e-6;
  family.norm1 = "norm1";
  family.scale1 = "layer_scale1.lambda1";
  family.norm2 = "norm2";
  family.mlps = hub_dinov2_mlps;
  family.scale2 = "layer_scale2.lambda1";
  family.head_widths = {};
  return family;
}

constexpr ViTFamily hub_dinov2_with_registers() {
  ViTFamily family = hub_dinov2();
  family.name = "DINOv2 with registers, Hugging Face naming";
  family.sign = "embeddings.register_tokens";
  family.registers = "embeddings.register_tokens";
  family.position = PositionRule::size_antialias;
  return family;
}

constexpr ViTFamily hub_dinov3() {
  ViTFamily family = hub_dinov2();
  family.name = "DINOv3, Hugging Face naming";
  family.sign = "layer.0.attention.q_proj.weight";
  family.layer_norm_eps = 1e-5;
  family.registers = "embeddings.register_tokens";
  family.position_embedding = "";
  family.rotary_period = 100;
  family.patch_embedding = "embeddings.patch_embeddings";
  family.final_norm = "norm";
  family.block = "layer.";
  family.projections = {"attention.q_proj", "attention.k_proj", "attention.v_proj"};
  family.projection = "attention.o_proj";
  family.mlps = hub_dinov3_mlps;
  family.head_widths = dinov3_head_widths;
  return family;
}

constexpr ViTFamily hub_ijepa() {
  ViTFamily family = hub_vit();
  family.name = "I-JEPA, Hugging Face naming";
  family.absent = "embeddings.cls_token";
  family.cls_token = "";
  family.cls_has_position = false;
  return family;
}

/// transformers 5 names the layers of all its transformers alike, in the state dict; `save_pretrained` keeps the names
/// of before.
constexpr ViTFamily in_hub5_naming(ViTFamily family) {
  family.projections = {"attention.q_proj", "attention.k_proj", "attention.v_proj"};
  family.projection = "attention.o_proj";
  return family;
}

constexpr ViTFamily hub5_vit(ViTFamily older) {
  ViTFamily family = in_hub5_naming(older);
  family.sign = "layers.0.attention.q_proj.weight";
  family.block = "layers.";
  family.mlps = plain_mlp;
  return family;
}

constexpr ViTFamily hub5_dinov2(ViTFamily older) {
  ViTFamily family = in_hub5_naming(older);
  family.sign = "encoder.layer.0.attention.q_proj.weight";
  family.second_sign = older.registers;
  family.mlps = hub5_dinov2_mlps;
  return family;
}

constexpr ViTFamily hub5_dinov3() {
  ViTFamily family = hub_dinov3();
  family.sign = "model.layer.0.attention.q_proj.weight";
  family.block = "model.layer.";
  return family;
}

constexpr std::array families{unicom(),
                              mae(),
                              dinov3(),
                              timm_dinov3(),
                              hub5_dinov3(),
                              hub5_dinov2(hub_dinov2_with_registers()),
                              hub5_dinov2(hub_dinov2()),
                              hub5_vit(hub_ijepa()),
                              hub5_vit(hub_vit()),
                              hub_dinov3(),
                              hub_dinov2_with_registers(),
                              hub_dinov2(),
                              hub_ijepa(),
                              hub_vit(),
                              dinov2_with_registers(),
                              timm_dinov2_with_registers(),
                              dinov2(),
                              ijepa(),
                              plain_vit()};

}  // namespace

std::string ViTFamily::block_layer(int number, std::string_view layer) const {
  return std::string(block) + std::to_string(number) + "." + std::string(layer);
}

std::span<const ViTFamily> vit_families() noexcept {
  return families;
}

}  // namespace datus
