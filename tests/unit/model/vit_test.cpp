// SPDX-License-Identifier: Apache-2.0
#include "datus/core/error.hpp"
#include "datus/core/half.hpp"
#include "datus/model/vision_transformer.hpp"
#include "support/golden.hpp"
#include "unit/model/reference_vit.hpp"
#include "unit/model/weight_builders.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace datus::test {
namespace vit_test {

using Request = VisionTransformer::Request;

std::string golden_path(const std::string& name) {
  return data_path("golden/vit/" + name);
}

std::vector<float> golden_floats(const GoldenTensor& tensor) {
  if (tensor.dtype == "F32") return tensor.as<float>();
  const auto halves = tensor.as<half>();
  std::vector<float> values(halves.size());
  to_float(std::span(halves), std::span(values));
  return values;
}

void expect_close(const std::vector<float>& actual, const std::vector<float>& expected, const std::string& what) {
  ASSERT_EQ(actual.size(), expected.size()) << what;
  float largest = 0;
  for (const float value : expected) largest = std::max(largest, std::abs(value));
  float worst = 0;
  for (std::size_t i = 0; i < actual.size(); ++i) worst = std::max(worst, std::abs(actual[i] - expected[i]));
  EXPECT_LE(worst, 1e-4F + 1e-4F * largest) << what;
  // The figures of docs/backbones.md.
  if (std::getenv("DATUS_SHOW_DIFFERENCES") != nullptr) std::cout << what << " " << worst / largest << "\n";
}

/// A batch whose values look like normalised pixels.
std::vector<float> images(std::size_t count, std::size_t height, std::size_t width) {
  std::vector<float> values(count * 3 * height * width);
  std::uint32_t state = 1;
  for (float& value : values) {
    state = state * 1664525U + 1013904223U;
    value = static_cast<float>(state >> 8U) / 0x1p22F - 2.0F;
  }
  return values;
}

ViTOptions with_heads(int heads, int threads = 1) {
  ViTOptions options;
  options.heads = heads;
  options.threads = threads;
  return options;
}

/// Compares every output of one checkpoint with the case's expectations. Hugging Face files have their heads in a
/// configuration beside them; those of DINOv3 in their periods.
void check_case(const std::string& checkpoint, const nlohmann::json& record) {
  const nlohmann::json& config = record["config"];
  const std::string family = config["family"];
  const bool tells_heads = family.starts_with("hf_") || family == "dinov3";
  ViTOptions options;
  options.threads = 2;
  if (!tells_heads) options.heads = config["heads"].get<int>();
  const auto model = VisionTransformer::load(golden_path(checkpoint), options);
  const ViTArchitecture& found = model.architecture();
  EXPECT_EQ(found.patch, config["patch"]);
  EXPECT_EQ(found.dim, config["dim"]);
  EXPECT_EQ(found.heads, config["heads"]);
  EXPECT_EQ(found.depth, config["depth"]);
  EXPECT_EQ(found.hidden, config["hidden"]);
  EXPECT_EQ(found.registers, config["registers"]);
  EXPECT_EQ(found.native_grid, config.value("native_grid", 0));
  EXPECT_EQ(found.layer_norm_eps, config["eps"]);
  if (!found.is_rotary()) {
    EXPECT_EQ(to_string(found.position), config["interpolation"].get<std::string>());
  }
  EXPECT_EQ(found.activation == Activation::swiglu, config.value("swiglu", false)) << checkpoint;

  const auto golden = read_golden("golden/vit/" + record["expected"].get<std::string>());
  const std::vector<std::pair<std::string, PatchFeature>> outputs{{"keys", PatchFeature::key},
                                                                  {"queries", PatchFeature::query},
                                                                  {"values", PatchFeature::value},
                                                                  {"patches", PatchFeature::token}};
  for (const auto& input : record["inputs"]) {
    const std::string suffix = "_" + std::to_string(input["index"].get<int>());
    const std::vector<int> shape = input["shape"];
    const auto pixels = golden_floats(golden.at("input" + suffix));
    for (const auto& [name, feature] : outputs) {
      const Request request{.feature = feature, .cls = true};
      const auto features = model.forward(pixels, shape[0], shape[2], shape[3], request);
      EXPECT_EQ(features.grid, (GridSize{input["grid"][0], input["grid"][1]}));
      expect_close(features.embeddings, golden_floats(golden.at(name + suffix)), checkpoint + " " + name + suffix);
      expect_close(features.cls, golden_floats(golden.at("cls" + suffix)), checkpoint + " cls with " + name + suffix);
    }
  }
}

TEST(VisionTransformer, EveryCheckpointGivesTheGoldenOutputs) {
  int checked = 0;
  const auto cases = read_json("golden/vit/cases.json");
  for (const auto& record : cases["cases"]) {
    for (const auto& checkpoint : record["checkpoints"]) {
      check_case(checkpoint["file"], record);
      ++checked;
    }
  }
  EXPECT_EQ(checked, 20);
}

TEST(VisionTransformer, TheSameWeightsHaveTheSameHash) {
  const auto hash = [](const std::string& name) {
    return VisionTransformer::load(golden_path(name), with_heads(2)).weights_hash();
  };
  EXPECT_EQ(hash("dino_p16.safetensors"), hash("dino_p16.pth"));
  EXPECT_EQ(hash("dino_p16.safetensors"), hash("dino_p16_full.pth"));
  EXPECT_NE(hash("dino_p16.safetensors"), hash("dino_p8.safetensors"));
}

TEST(VisionTransformer, TheSameModelInTwoNamingsGivesTheSameKeys) {
  const auto original = VisionTransformer::load(golden_path("dinov3_p16.safetensors"));
  const auto hub = VisionTransformer::load(golden_path("dinov3_p16_hf.safetensors"));
  const auto pixels = images(1, 64, 96);
  const Request request{.cls = true};
  const auto one = original.forward(pixels, 1, 64, 96, request);
  const auto other = hub.forward(pixels, 1, 64, 96, request);
  expect_close(one.embeddings, other.embeddings, "keys");
  expect_close(one.cls, other.cls, "cls");
}

TEST(VisionTransformer, TheStudentIsAnotherModel) {
  ViTOptions options = with_heads(2);
  options.branch = "student";
  EXPECT_NE(VisionTransformer::load(golden_path("dino_p16_full.pth"), options).weights_hash(),
            VisionTransformer::load(golden_path("dino_p16_full.pth"), with_heads(2)).weights_hash());
}

TEST(VisionTransformer, BatchAndThreadsNeverChangeABit) {
  const std::vector<std::pair<int, int>> sizes{{56, 56}, {72, 104}};
  for (const auto& [height, width] : sizes) {
    const auto pixels = images(5, static_cast<std::size_t>(height), static_cast<std::size_t>(width));
    const std::size_t each = pixels.size() / 5;
    for (const PatchFeature feature : {PatchFeature::key, PatchFeature::token}) {
      const Request request{.feature = feature, .cls = true};
      VisionTransformer::Features single;
      const auto one = VisionTransformer::load(golden_path("dino_p8_head64.safetensors"));
      for (std::size_t i = 0; i < 5; ++i) {
        const auto features = one.forward(std::span(pixels).subspan(i * each, each), 1, height, width, request);
        single.embeddings.insert(single.embeddings.end(), features.embeddings.begin(), features.embeddings.end());
        single.cls.insert(single.cls.end(), features.cls.begin(), features.cls.end());
      }
      for (const int threads : {1, 2, 3}) {
        ViTOptions options;
        options.threads = threads;
        const auto model = VisionTransformer::load(golden_path("dino_p8_head64.safetensors"), options);
        const auto batch = model.forward(pixels, 5, height, width, request);
        EXPECT_EQ(batch.embeddings, single.embeddings) << threads;
        EXPECT_EQ(batch.cls, single.cls) << threads;
      }
    }
  }
}

TEST(VisionTransformer, AnyBlockCanBeRead) {
  const std::string path = golden_path("dino_p16.safetensors");
  const auto model = VisionTransformer::load(path, with_heads(2));
  const ReferenceViT reference(load_plain(path), 2);
  const auto pixels = images(1, 64, 64);
  const Rows entering = reference.tokens_before(pixels, 64, 0);
  const Rows leaving = reference.final_norm(reference.tokens_before(pixels, 64, 1));
  const Rows qkv = reference.qkv(entering, 0);
  std::vector<float> keys;
  std::vector<float> tokens;
  for (std::size_t p = 1; p < qkv.size(); ++p) {
    keys.insert(keys.end(), qkv[p].begin() + 32, qkv[p].begin() + 64);
    tokens.insert(tokens.end(), leaving[p].begin(), leaving[p].end());
  }
  const std::vector<float> cls(leaving[0].begin(), leaving[0].end());
  for (const int layer : {0, -2}) {
    const auto key_features = model.forward(pixels, 1, 64, 64, {.layer = layer, .cls = true});
    expect_close(key_features.embeddings, keys, "keys of the first block");
    expect_close(key_features.cls, cls, "cls of the first block");
    const auto token_features = model.forward(pixels, 1, 64, 64, {.feature = PatchFeature::token, .layer = layer});
    expect_close(token_features.embeddings, tokens, "tokens of the first block");
    EXPECT_TRUE(token_features.cls.empty());
  }
  EXPECT_THROW((void)model.forward(pixels, 1, 64, 64, {.layer = 2}), UsageError);
  EXPECT_THROW((void)model.forward(pixels, 1, 64, 64, {.layer = -3}), UsageError);
}

TEST(VisionTransformer, SegmentsAreSeenByTheirOwnClsQuery) {
  const std::string path = golden_path("dino_p16.safetensors");
  const auto model = VisionTransformer::load(path, with_heads(2));
  const ReferenceViT reference(load_plain(path), 2);
  const auto pixels = images(1, 64, 64);
  const std::vector<std::int16_t> map{0, 0, 1, -1, 0, 2, 1, -1, 0, 2, 2, 2, -1, -1, 0, 3};
  const auto descriptors = model.segment_cls(pixels, 64, 64, map, 4);
  const Rows tokens = reference.tokens_before(pixels, 64, 1);
  std::vector<float> expected;
  for (int s = 0; s < 4; ++s) {
    std::vector<bool> allowed{false};
    for (const auto segment : map) allowed.push_back(segment == s);
    const Row row = reference.masked_cls(tokens, 1, allowed);
    expected.insert(expected.end(), row.begin(), row.end());
  }
  expect_close(descriptors, expected, "segments");
  EXPECT_TRUE(model.segment_cls(pixels, 64, 64, std::vector<std::int16_t>(16, -1), 0).empty());
  EXPECT_THROW((void)model.segment_cls(pixels, 64, 64, map, 3), InputError);
  EXPECT_THROW((void)model.segment_cls(pixels, 64, 64, map, 5), InputError);
  EXPECT_THROW((void)model.segment_cls(pixels, 64, 64, std::vector<std::int16_t>(15), 1), SystemError);
}

TEST(VisionTransformer, WrongSizesAreRefused) {
  const auto model = VisionTransformer::load(golden_path("dino_p16.safetensors"), with_heads(2));
  EXPECT_THROW((void)model.forward(images(1, 64, 64), 2, 64, 64, {}), SystemError);
  EXPECT_THROW((void)model.forward(images(1, 15, 64), 1, 15, 64, {}), UsageError);
  EXPECT_TRUE(model.forward({}, 0, 64, 64, {}).embeddings.empty());
}

}  // namespace vit_test
}  // namespace datus::test
