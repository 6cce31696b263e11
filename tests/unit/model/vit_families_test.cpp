// SPDX-License-Identifier: Apache-2.0
// Families without a golden file, and what lies beside a weights file.

#include "datus/core/error.hpp"
#include "datus/model/vision_transformer.hpp"
#include "support/errors.hpp"
#include "support/golden.hpp"
#include "support/temp_folder.hpp"
#include "unit/model/reference_vit.hpp"
#include "unit/model/weight_builders.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace datus::test {
namespace vit_families_test {

constexpr std::int64_t dim = 64;
constexpr std::size_t side = 8;  // pixels; 4 x 4 patches of 2 x 2

class RandomModel {
 public:
  void add(const std::string& name, const std::vector<std::int64_t>& shape, float centre = 0) {
    std::size_t count = 1;
    for (const auto size : shape) count *= static_cast<std::size_t>(size);
    PlainTensor& tensor = tensors[name] = {shape, std::vector<float>(count)};
    for (float& value : tensor.values) value = centre + spread_(generator_);
  }
  void add_layer(const std::string& name, const std::vector<std::int64_t>& shape, float centre = 0) {
    add(name + ".weight", shape, centre);
    add(name + ".bias", {shape[0]});
  }

  PlainTensors tensors;

 private:
  std::mt19937 generator_{7};
  std::normal_distribution<float> spread_{0.0F, 0.3F};
};

/// Patches of 2 x 2 pixels, a grid of 4 x 4, one head, two blocks.
PlainTensors unicom_model() {
  RandomModel model;
  model.add("pos_embed", {1, 16, dim});
  model.add_layer("patch_embed.proj", {dim, 3, 2, 2});
  for (const std::string block : {"blocks.0.", "blocks.1."}) {
    model.add_layer(block + "norm1", {dim}, 1);
    model.add(block + "attn.qkv.weight", {3 * dim, dim});
    model.add_layer(block + "attn.proj", {dim, dim});
    model.add_layer(block + "norm2", {dim}, 1);
    model.add_layer(block + "mlp.fc1", {2 * dim, dim});
    model.add_layer(block + "mlp.fc2", {dim, 2 * dim});
  }
  model.add_layer("norm", {dim}, 1);
  model.add("feature.0.weight", {dim, 16 * dim});
  model.add("feature.2.weight", {24, dim});
  for (const auto& [name, size] : {std::pair<std::string, std::int64_t>{"feature.1", dim}, {"feature.3", 24}}) {
    model.add_layer(name, {size}, 1);
    model.add(name + ".running_mean", {size});
    model.add(name + ".running_var", {size}, 2);
    model.add(name + ".num_batches_tracked", {1});
  }
  return model.tensors;
}

std::vector<float> pixels() {
  std::vector<float> values(3 * side * side);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(std::sin(0.7 * static_cast<double>(i)));
  return values;
}

void expect_close(const std::vector<float>& actual, const std::vector<double>& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  double largest = 0;
  double worst = 0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    largest = std::max(largest, std::abs(expected[i]));
    worst = std::max(worst, std::abs(actual[i] - expected[i]));
  }
  EXPECT_LE(worst, 1e-5 + 2e-5 * largest);
}

/// linear, batch norm, linear, batch norm in double precision.
Row image_vector(const PlainTensors& model, const Rows& tokens) {
  Row row;
  for (const Row& token : tokens) row.insert(row.end(), token.begin(), token.end());
  for (const int layer : {0, 2}) {
    const auto& weight = model.at("feature." + std::to_string(layer) + ".weight").values;
    const std::string norm = "feature." + std::to_string(layer + 1);
    const auto part = [&](const std::string& name, std::size_t i) { return double{model.at(norm + name).values[i]}; };
    Row out(weight.size() / row.size());
    for (std::size_t o = 0; o < out.size(); ++o) {
      double sum = 0;
      for (std::size_t i = 0; i < row.size(); ++i) sum += weight[o * row.size() + i] * row[i];
      out[o] = (sum - part(".running_mean", o)) / std::sqrt(part(".running_var", o) + 2e-5) * part(".weight", o) +
               part(".bias", o);
    }
    row = out;
  }
  return row;
}

TEST(Unicom, EqualsPlainLoops) {
  const PlainTensors tensors = unicom_model();
  const TemporaryFile file(safetensors_bytes(tensors));
  const auto model = VisionTransformer::load(file.path());
  EXPECT_EQ(model.architecture().family, "Unicom");
  EXPECT_EQ(model.architecture().image_vector_dim, 24);
  const ReferenceViT reference(tensors, 1, {.cls = false, .relu6 = true, .eps = 1e-5});
  const auto image = pixels();
  const Rows last = reference.tokens_before(image, side, 1);
  const Rows final = reference.final_norm(reference.tokens_before(image, side, 2));
  std::vector<double> keys;
  std::vector<double> tokens;
  for (const Row& row : reference.qkv(last, 1)) keys.insert(keys.end(), row.begin() + dim, row.begin() + 2 * dim);
  for (const Row& row : final) tokens.insert(tokens.end(), row.begin(), row.end());
  const auto key_features = model.forward(image, 1, side, side, {.cls = true});
  expect_close(key_features.embeddings, keys);
  expect_close(key_features.cls, image_vector(tensors, final));
  const auto token_features = model.forward(image, 1, side, side, {.feature = PatchFeature::token, .cls = true});
  expect_close(token_features.embeddings, tokens);
  EXPECT_EQ(token_features.cls, key_features.cls);
}

TEST(Unicom, HasAVectorAtItsNativeSizeOnly) {
  const TemporaryFile file(safetensors_bytes(unicom_model()));
  const auto model = VisionTransformer::load(file.path());
  const std::vector<float> wide(3 * side * 2 * side, 0.5F);
  EXPECT_EQ(model.image_vector_dim(side, side), 24);
  EXPECT_EQ(model.image_vector_dim(side, 2 * side), 0);
  EXPECT_EQ(model.forward(wide, 1, side, 2 * side, {}).embeddings.size(), 32U * dim);
  EXPECT_THROW((void)model.forward(wide, 1, side, 2 * side, {.cls = true}), UsageError);
  EXPECT_THROW((void)model.segment_cls(pixels(), side, side, std::vector<std::int16_t>(16, 0), 1), UsageError);
}

/// timm keeps the CLS token with its position, and positions of patches only.
TEST(TimmRegisters, AreTheSameModelAsTheAuthorsNaming) {
  PlainTensors tensors = load_plain(data_path("golden/vit/dinov2_p14_reg4.safetensors"));
  const TemporaryFile original(safetensors_bytes(tensors));
  auto& positions = tensors.at("pos_embed");
  auto& cls = tensors.at("cls_token").values;
  for (std::size_t d = 0; d < cls.size(); ++d) cls[d] += positions.values[d];
  positions.values.erase(positions.values.begin(), positions.values.begin() + static_cast<std::ptrdiff_t>(cls.size()));
  positions.shape[1] -= 1;
  tensors["reg_token"] = tensors.at("register_tokens");
  tensors.erase("register_tokens");
  tensors.erase("mask_token");
  const TemporaryFile renamed(safetensors_bytes(tensors));
  ViTOptions options;
  options.heads = 2;
  const std::vector<float> image(3UL * 56 * 98, 0.25F);
  const auto expected = VisionTransformer::load(original.path(), options).forward(image, 1, 56, 98, {.cls = true});
  const auto found = VisionTransformer::load(renamed.path(), options).forward(image, 1, 56, 98, {.cls = true});
  EXPECT_EQ(found.embeddings, expected.embeddings);
  EXPECT_EQ(found.cls, expected.cls);
}

/// The same tensors with parts of their names replaced, in order.
PlainTensors renamed(const PlainTensors& tensors, const std::vector<std::pair<std::string, std::string>>& parts) {
  PlainTensors result;
  for (const auto& [stored, tensor] : tensors) {
    std::string name = stored;
    for (const auto& [from, to] : parts) {
      const std::size_t at = name.find(from);
      if (at != std::string::npos) name.replace(at, from.size(), to);
    }
    result[name] = tensor;
  }
  return result;
}

/// The rows from `first` on of every tensor whose name ends so, under another name.
void take_rows(PlainTensors& tensors, const std::string& from, const std::string& to, std::int64_t first,
               std::int64_t count) {
  for (const auto& [name, tensor] : PlainTensors(tensors)) {
    if (!name.ends_with(from)) continue;
    const auto row = static_cast<std::ptrdiff_t>(tensor.values.size()) / tensor.shape[0];
    PlainTensor& part = tensors[name.substr(0, name.size() - from.size()) + to];
    part.shape = tensor.shape;
    part.shape[0] = count;
    part.values.assign(tensor.values.begin() + first * row, tensor.values.begin() + (first + count) * row);
  }
}

/// Both files give the same bits, at a size other than the native one.
void expect_same_model(const PlainTensors& first, const PlainTensors& second, const std::string& family, int pixels) {
  ViTOptions options;
  options.heads = 2;
  options.eps = 1e-6;
  const auto features = [&](const VisionTransformer& model) {
    const std::vector<float> image(3UL * static_cast<std::size_t>(pixels * 2 * pixels), 0.25F);
    return model.forward(image, 1, pixels, 2 * pixels, {.feature = PatchFeature::token, .cls = true});
  };
  const TemporaryFile first_file(safetensors_bytes(first));
  const TemporaryFile second_file(safetensors_bytes(second));
  const auto expected = features(VisionTransformer::load(first_file.path(), options));
  const auto model = VisionTransformer::load(second_file.path(), options);
  EXPECT_EQ(model.architecture().family, family);
  const auto found = features(model);
  EXPECT_EQ(found.embeddings, expected.embeddings);
  EXPECT_EQ(found.cls, expected.cls);
}

TEST(Transformers5, NamesTheSameModels) {
  const std::vector<std::pair<std::string, std::string>> attention{{"attention.attention.query", "attention.q_proj"},
                                                                   {"attention.attention.key", "attention.k_proj"},
                                                                   {"attention.attention.value", "attention.v_proj"},
                                                                   {"attention.output.dense", "attention.o_proj"}};
  auto vit_names = attention;
  vit_names.insert(vit_names.end(),
                   {{"encoder.layer.", "layers."}, {"intermediate.dense", "mlp.fc1"}, {"output.dense", "mlp.fc2"}});
  const auto golden = [](const std::string& name) {
    return load_plain(data_path("golden/vit/" + name + ".safetensors"));
  };
  const auto vit = golden("hf_vit_p16");
  expect_same_model(vit, renamed(vit, vit_names), "ViT, Hugging Face naming", 32);
  for (const auto& [name, family] : {std::pair("hf_dinov2_p14", "DINOv2, Hugging Face naming"),
                                     std::pair("hf_dinov2_reg4_p14", "DINOv2 with registers, Hugging Face naming")}) {
    expect_same_model(golden(name), renamed(golden(name), attention), family, 42);
  }
  const auto dinov3 = golden("dinov3_p16_hf");
  expect_same_model(dinov3, renamed(dinov3, {{"layer.", "model.layer."}}), "DINOv3, Hugging Face naming", 32);
  const auto gated = golden("hf_dinov2_swiglu_p14");
  auto apart = renamed(gated, attention);
  for (const std::string part : {".weight", ".bias"}) {
    take_rows(apart, "weights_in" + part, "gate_proj" + part, 0, 88);
    take_rows(apart, "weights_in" + part, "up_proj" + part, 88, 88);
  }
  apart = renamed(apart, {{"weights_out", "down_proj"}});
  std::erase_if(apart, [](const auto& tensor) { return tensor.first.find("weights_in") != std::string::npos; });
  expect_same_model(gated, apart, "DINOv2, Hugging Face naming", 42);
}

/// Hugging Face's file of the same weights computes its rotary periods, too.
TEST(TimmDinov3, IsTheSameModelAsInOtherNamings) {
  auto hub = load_plain(data_path("golden/vit/dinov3_p16_hf.safetensors"));
  auto timm = renamed(load_plain(data_path("golden/vit/dinov3_p16.safetensors")),
                      {{"ls1.gamma", "gamma_1"}, {"ls2.gamma", "gamma_2"}, {"storage_tokens", "reg_token"}});
  take_rows(timm, "qkv.bias", "q_bias", 0, 32);
  take_rows(timm, "qkv.bias", "v_bias", 64, 32);
  std::erase_if(timm, [](const auto& tensor) {
    const std::string& name = tensor.first;
    return name.ends_with("qkv.bias") || name.ends_with("mask") || name == "mask_token" || name == "rope_embed.periods";
  });
  expect_same_model(hub, timm, "DINOv3, timm naming", 32);
  // In the other form there are no biases at all.
  std::erase_if(timm, [](const auto& tensor) { return tensor.first.find("_bias") != std::string::npos; });
  for (auto& [name, tensor] : hub) {
    if (name.ends_with("q_proj.bias") || name.ends_with("v_proj.bias")) std::ranges::fill(tensor.values, 0.0F);
  }
  expect_same_model(hub, timm, "DINOv3, timm naming", 32);
}

/// Two blocks, patches of 2 x 2 pixels, positions of 4 x 4 patches and no CLS token.
TEST(IJepa, EqualsPlainLoops) {
  PlainTensors tensors = unicom_model();
  std::erase_if(tensors, [](const auto& tensor) { return tensor.first.starts_with("feature."); });
  PlainTensors stored;
  for (const auto& [name, tensor] : tensors) stored["target_encoder.module." + name] = tensor;
  const TemporaryFile file(safetensors_bytes(stored));
  const auto model = VisionTransformer::load(file.path());
  EXPECT_EQ(model.architecture().family, "I-JEPA");
  EXPECT_EQ(model.image_vector_dim(side, side), 0);
  const ReferenceViT reference(tensors, 1, {.cls = false});
  const auto image = pixels();
  std::vector<double> tokens;
  for (const Row& row : reference.final_norm(reference.tokens_before(image, side, 2)))
    tokens.insert(tokens.end(), row.begin(), row.end());
  expect_close(model.forward(image, 1, side, side, {.feature = PatchFeature::token}).embeddings, tokens);
  expect_part(error_if_any<UsageError>([&] { (void)model.forward(image, 1, side, side, {.cls = true}); }),
              "models of the family I-JEPA have no vector for an image");
}

/// A Hugging Face file with a configuration of our own beside it.
class HubFile : public ::testing::Test {
 protected:
  void SetUp() override { std::filesystem::copy_file(data_path("golden/vit/hf_vit_p16.safetensors"), weights); }
  void write_config(const std::string& text, const std::string& name = "config.json") const {
    std::ofstream(folder.path() / name) << text;
  }
  [[nodiscard]] std::string error() const {
    return error_if_any<InputError>([&] { (void)VisionTransformer::load(weights); });
  }
  void expect_error(const std::string& part) const { expect_part(error(), part); }

  TempFolder folder;
  std::filesystem::path weights = folder.path() / "model.safetensors";
};

TEST_F(HubFile, ItsConfigurationTellsHeadsAndEpsilon) {
  expect_error("Set model.heads");  // 32 wide, and no configuration
  write_config(R"({"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "layer_norm_eps": 1e-7})");
  EXPECT_EQ(VisionTransformer::load(weights).architecture().heads, 4);
  EXPECT_EQ(VisionTransformer::load(weights).architecture().layer_norm_eps, 1e-7);
  write_config(R"({"hidden_size": 32, "num_attention_heads": 8})", "model.config.json");
  EXPECT_EQ(VisionTransformer::load(weights).architecture().heads, 8);  // the file's own goes first
  ViTOptions options;
  options.heads = 2;
  options.eps = 1e-3;
  EXPECT_EQ(VisionTransformer::load(weights, options).architecture().heads, 2);
  EXPECT_EQ(VisionTransformer::load(weights, options).architecture().layer_norm_eps, 1e-3);
}

TEST_F(HubFile, AWrongConfigurationIsRefused) {
  write_config(R"({"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4})");
  expect_error("is not the configuration of the weights beside it");
  write_config(R"({"hidden_size": 32, "num_hidden_layers": 12, "num_attention_heads": 4})");
  expect_error("is not the configuration of the weights beside it");
  write_config(R"({"hidden_size": 32, "num_attention_heads": 5})");
  expect_error("5 attention heads");
  write_config(R"({"hidden_size": 32, "num_attention_heads": "two"})");
  expect_error("num_attention_heads");
  write_config(R"({"hidden_size": 32, "num_attention_heads": 2, "hidden_act": "quick_gelu"})");
  expect_error("quick_gelu");
  write_config("{ not json");
  expect_error("it is not JSON");
  write_config(std::string(100000, '['));
  expect_error("config.json");
  write_config("[1, 2]");
  expect_error("it holds no JSON object");
}

TEST(HubConfig, RotaryPeriodsFollowIt) {
  const TempFolder folder;
  const auto weights = folder.path() / "model.safetensors";
  std::filesystem::copy_file(data_path("golden/vit/dinov3_p16_hf.safetensors"), weights);
  const auto tokens = [&](const std::string& config) {
    std::ofstream(folder.path() / "config.json") << config;
    const std::vector<float> image(3UL * 64 * 64, 0.5F);
    return VisionTransformer::load(weights).forward(image, 1, 64, 64, {.feature = PatchFeature::token}).embeddings;
  };
  const auto usual = tokens(R"({"hidden_size": 32, "num_attention_heads": 2})");
  EXPECT_EQ(tokens(R"({"hidden_size": 32, "num_attention_heads": 2, "rope_theta": 100.0})"), usual);
  EXPECT_NE(tokens(R"({"hidden_size": 32, "num_attention_heads": 2, "rope_theta": 10000.0})"), usual);
  EXPECT_NE(tokens(R"({"hidden_size": 32, "num_attention_heads": 2, "rope_parameters": {"rope_theta": 500}})"), usual);
}

}  // namespace vit_families_test
}  // namespace datus::test
