// SPDX-License-Identifier: Apache-2.0
#include "datus/model/vit_architecture.hpp"

#include "datus/core/error.hpp"
#include "datus/model/vision_transformer.hpp"
#include "support/errors.hpp"
#include "support/golden.hpp"
#include "unit/model/weight_builders.hpp"

#include <functional>
#include <string>

#include <gtest/gtest.h>

namespace datus::test {
namespace vit_architecture_test {

/// A sound model with one block and a square grid of one position; zeros everywhere.
PlainTensors tiny_model(std::int64_t dim) {
  PlainTensors model;
  const auto add = [&](const std::string& name, const std::vector<std::int64_t>& shape) {
    std::size_t count = 1;
    for (const auto size : shape) count *= static_cast<std::size_t>(size);
    model[name] = {shape, std::vector<float>(count)};
  };
  const auto add_layer = [&](const std::string& name, const std::vector<std::int64_t>& shape) {
    add(name + ".weight", shape);
    add(name + ".bias", {shape[0]});
  };
  add("cls_token", {1, 1, dim});
  add("pos_embed", {1, 2, dim});
  add_layer("patch_embed.proj", {dim, 3, 2, 2});
  add_layer("blocks.0.norm1", {dim});
  add_layer("blocks.0.attn.qkv", {3 * dim, dim});
  add_layer("blocks.0.attn.proj", {dim, dim});
  add_layer("blocks.0.norm2", {dim});
  add_layer("blocks.0.mlp.fc1", {8, dim});
  add_layer("blocks.0.mlp.fc2", {dim, 8});
  add_layer("norm", {dim});
  return model;
}

ViTArchitecture architecture_of(const PlainTensors& tensors, const ViTOptions& options = {}) {
  const TemporaryFile file(safetensors_bytes(tensors));
  return VisionTransformer::load(file.path(), options).architecture();
}

template <class E = InputError>
std::string error_of(const PlainTensors& tensors, const ViTOptions& options = {}) {
  return error_if_any<E>([&] { (void)architecture_of(tensors, options); });
}

TEST(ViTArchitecture, SizesComeFromTheTensors) {
  const auto found = architecture_of(tiny_model(128));
  EXPECT_EQ(found.patch, 2);
  EXPECT_EQ(found.dim, 128);
  EXPECT_EQ(found.depth, 1);
  EXPECT_EQ(found.heads, 2);
  EXPECT_EQ(found.hidden, 8);
  EXPECT_EQ(found.native_grid, 1);
  EXPECT_EQ(found.layer_norm_eps, 1e-6);
  EXPECT_EQ(found.position, PositionRule::offset);
}

TEST(ViTArchitecture, HeadsAreAskedForWhereNothingTells) {
  expect_part(error_of(tiny_model(96)), "cannot tell the number of attention heads");
  expect_part(error_of(tiny_model(96)), "Set model.heads");
  ViTOptions options;
  options.heads = 3;
  EXPECT_EQ(architecture_of(tiny_model(96), options).heads, 3);
  options.heads = 5;
  expect_part(error_of<UsageError>(tiny_model(96), options), "model.heads is 5");
  options.heads = 0;
  expect_part(error_of<UsageError>(tiny_model(96), options), "model.heads is 0");
}

TEST(ViTArchitecture, PublishedModelsWithOtherHeadWidths) {
  EXPECT_EQ(architecture_of(tiny_model(384)).heads, 6);
  EXPECT_EQ(architecture_of(tiny_model(1280)).heads, 16);
  PlainTensors wrapped;
  for (const auto& [name, tensor] : tiny_model(384)) wrapped["state_dict.module.base_encoder." + name] = tensor;
  EXPECT_EQ(architecture_of(wrapped).heads, 12);
}

TEST(ViTArchitecture, HeadsAndDecodersAreLeftOut) {
  auto model = tiny_model(64);
  model["head.mlp.0.weight"] = {{1}, {0}};
  model["masked_embed"] = {{1}, {0}};
  EXPECT_EQ(architecture_of(model).position, PositionRule::offset);
  model["decoder_pos_embed"] = {{1}, {0}};
  model["decoder_blocks.0.norm1.weight"] = {{1}, {0}};
  EXPECT_EQ(architecture_of(model).position, PositionRule::size);  // MAE's own rule
}

TEST(ViTArchitecture, OptionsOverride) {
  ViTOptions options;
  options.position = "size_antialias";
  options.eps = 1e-5;
  EXPECT_EQ(architecture_of(tiny_model(64), options).position, PositionRule::size_antialias);
  EXPECT_EQ(architecture_of(tiny_model(64), options).layer_norm_eps, 1e-5);
  options.position = "nearest";
  expect_part(error_of<UsageError>(tiny_model(64), options), "model.position is nearest");
  options = {};
  options.eps = 0;
  expect_part(error_of<UsageError>(tiny_model(64), options), "model.eps is");
  options = {};
  options.threads = 0;
  expect_part(error_of<UsageError>(tiny_model(64), options), "0 threads");
  options = {};
  options.branch = "teacher";
  expect_part(error_of(tiny_model(64), options), "has no branch teacher");
}

TEST(ViTArchitecture, OtherFamiliesAreNamed) {
  const auto refused = [](const std::string& tensor, const std::string& family) {
    auto model = tiny_model(64);
    model[tensor] = {{1}, {0}};
    const std::string text = error_of(model);
    expect_part(text, family);
    expect_part(text, tensor);
  };
  refused("visual.transformer.resblocks.0.ln_1.weight", "CLIP");
  refused("dist_token", "distilled DeiT");
  refused("blocks.0.gamma_1", "EVA");
  refused("blocks.0.attn.q_norm.weight", "query and key norms");
  refused("layer1.0.conv1.weight", "ResNet");
  refused("blocks.0.attn.something.weight", "is no part of plain ViT");
  refused("blocks.2.norm1.weight", "is no part of plain ViT");
}

TEST(ViTArchitecture, StatesThatAreNoWeightsAreNamed) {
  auto model = tiny_model(64);
  model["blocks.0.attn.qkv._packed_params.scale"] = {{1}, {0}};
  expect_part(error_of(model), "a quantised model");
  const PlainTensor some{{1}, {0}};
  expect_part(error_of({{"model.teacher._fsdp_wrapped_module._flat_param", some}}), "shard of FSDP");
  expect_part(error_of({{"optimizer.state.0.exp_avg", some}, {"rng_state", some}}), "the state of an optimizer");
  expect_part(error_of({{"optimizer.state.0.exp_avg", some}, {"head.weight", {{1, 1}, {0}}}}),
              "has no tensor patch_embed");
}

TEST(ViTArchitecture, EveryTensorMustBeThere) {
  for (const auto& [name, tensor] : tiny_model(64)) {
    auto model = tiny_model(64);
    model.erase(name);
    const std::string text = error_of(model);
    if (name == "blocks.0.attn.qkv.bias") {
      EXPECT_EQ(text, "no error");  // some models have none
      continue;
    }
    EXPECT_TRUE(text.find(name) != std::string::npos || text.find("is no part of") != std::string::npos) << text;
  }
}

TEST(ViTArchitecture, ABiasIsInAllBlocksOrInNone) {
  auto model = tiny_model(64);
  for (const auto& [name, tensor] : tiny_model(64)) {
    if (name.starts_with("blocks.0.")) model["blocks.1." + name.substr(9)] = tensor;
  }
  EXPECT_EQ(error_of(model), "no error");
  auto first = model;
  first.erase("blocks.0.attn.qkv.bias");
  expect_part(error_of(first), "blocks.1.attn.qkv.bias is no part of");
  model.erase("blocks.1.attn.qkv.bias");
  expect_part(error_of(model), "has no tensor blocks.1.attn.qkv.bias");
}

TEST(ViTArchitecture, BlocksInChunksAreTheSameModel) {
  auto chunked = tiny_model(64);
  for (const auto& [name, tensor] : tiny_model(64)) {
    if (!name.starts_with("blocks.0.")) continue;
    chunked.erase(name);
    chunked["blocks.0.0." + name.substr(9)] = tensor;
    chunked["blocks.1.1." + name.substr(9)] = tensor;  // the second block, in a chunk of its own
  }
  EXPECT_EQ(architecture_of(chunked).depth, 2);
}

TEST(ViTArchitecture, EveryShapeMustFit) {
  for (const auto& [name, tensor] : tiny_model(64)) {
    for (std::size_t d = 0; d < tensor.shape.size(); ++d) {
      for (const std::int64_t change : {-1, 1}) {
        auto model = tiny_model(64);
        auto& changed = model[name];
        changed.shape[d] += change;
        std::size_t count = 1;
        for (const auto size : changed.shape) count *= static_cast<std::size_t>(size);
        changed.values.assign(count, 0.0F);
        EXPECT_NE(error_of(model).find("has the shape"), std::string::npos) << name << " " << d << " " << change;
      }
    }
    auto model = tiny_model(64);
    model[name].shape.push_back(1);
    EXPECT_NE(error_of(model).find("has the shape"), std::string::npos) << name;
  }
}

}  // namespace vit_architecture_test
}  // namespace datus::test
