// SPDX-License-Identifier: Apache-2.0
#include "model/torch/cuda/batched_transformer.hpp"

#include "datus/core/half.hpp"
#include "datus/model/normalise.hpp"
#include "datus/model/weight_branch.hpp"
#include "datus/model/weights.hpp"
#include "model/vit/vit_plan.hpp"
#include "model/weights/hub_config.hpp"
#include "support/golden.hpp"

#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ops/from_blob.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>
#include <torch/version.h>

// The model for GPUs, on tensors of the CPU: everything but our kernels and the GPU's own products is the same code.

namespace datus::test {
namespace {

/// A checkpoint as both models see it.
struct Loaded {
  ViTPlan plan;
  ViTWeights weights;
  std::unique_ptr<TokenBase> tokens;
};

std::unique_ptr<Loaded> load(const std::string& name, std::optional<int> heads) {
  const std::string path = data_path("golden/vit/" + name);
  const WeightFile file = WeightFile::open(path);
  const WeightBranch branch = choose_branch(file.tensors(), "auto", file.source());
  ViTOptions options;
  options.heads = heads;
  ViTPlan plan = plan_vit(branch, options, read_hub_config(file.source()));
  auto loaded = std::make_unique<Loaded>(Loaded{std::move(plan), {}, nullptr});
  loaded->weights = load_vit_weights(file, branch, loaded->plan);
  loaded->tokens = std::make_unique<TokenBase>(loaded->plan.architecture, loaded->weights);
  return loaded;
}

std::vector<float> golden_floats(const GoldenTensor& tensor) {
  if (tensor.dtype == "F32") return tensor.as<float>();
  const auto halves = tensor.as<half>();
  std::vector<float> values(halves.size());
  to_float(std::span(halves), std::span(values));
  return values;
}

at::Tensor patches_of(std::vector<float>& pixels, const std::vector<int>& shape, GridSize grid, int p) {
  return at::from_blob(pixels.data(), {shape[0], 3, shape[2], shape[3]}, at::kFloat)
      .narrow(2, 0, std::int64_t{grid.rows} * p)
      .narrow(3, 0, std::int64_t{grid.cols} * p)
      .reshape({shape[0], 3, grid.rows, p, grid.cols, p})
      .permute({0, 2, 4, 1, 3, 5})
      .reshape({shape[0], grid.patches(), 3 * p * p});
}

/// The largest difference over the largest value.
double difference(const at::Tensor& actual, const std::vector<float>& expected, const std::string& what) {
  const at::Tensor values = actual.to(at::kFloat).contiguous();
  EXPECT_EQ(values.numel(), std::ssize(expected)) << what;
  if (values.numel() != std::ssize(expected)) return INFINITY;
  double largest = 1e-6;
  double worst = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(expected[i])));
    const double found = values.data_ptr<float>()[i];
    worst = std::max(worst, std::isfinite(found) ? std::abs(found - static_cast<double>(expected[i])) : INFINITY);
  }
  return worst / largest;
}

struct Tolerance {
  at::ScalarType number;
  double relative;
};

/// All outputs of one checkpoint in one type of numbers.
void check_case(const nlohmann::json& record, const std::string& checkpoint, const Tolerance& tolerance) {
  const nlohmann::json& config = record["config"];
  const std::string family = config["family"];
  const bool tells_heads = family.starts_with("hf_") || family == "dinov3";
  const auto loaded = load(checkpoint, tells_heads ? std::nullopt : std::optional(config["heads"].get<int>()));
  const ViTArchitecture& model = loaded->plan.architecture;
  BatchedTransformer transformer(model, loaded->weights, *loaded->tokens, c10::Device(c10::kCPU), tolerance.number,
                                 nullptr);
  const auto golden = read_golden("golden/vit/" + record["expected"].get<std::string>());
  const std::vector<std::pair<std::string, PatchFeature>> outputs{{"keys", PatchFeature::key},
                                                                  {"queries", PatchFeature::query},
                                                                  {"values", PatchFeature::value},
                                                                  {"patches", PatchFeature::token}};
  for (const auto& input : record["inputs"]) {
    const std::string suffix = "_" + std::to_string(input["index"].get<int>());
    const std::vector<int> shape = input["shape"];
    const GridSize grid{input["grid"][0], input["grid"][1]};
    auto pixels = golden_floats(golden.at("input" + suffix));
    const at::Tensor patches = patches_of(pixels, shape, grid, model.patch).to(tolerance.number);
    for (const auto& [name, feature] : outputs) {
      const Readout readout{.layer = static_cast<std::size_t>(model.depth - 1), .feature = feature, .cls = true};
      const auto result = transformer.read(patches, grid, shape[2] == shape[3], readout);
      const std::string what = checkpoint + " " + name + suffix;
      EXPECT_LE(difference(result.embeddings, golden_floats(golden.at(name + suffix)), what), tolerance.relative)
          << what;
      EXPECT_LE(difference(result.cls, golden_floats(golden.at("cls" + suffix)), what), tolerance.relative) << what;
    }
  }
}

TEST(BatchedTransformer, EveryCheckpointGivesTheGoldenOutputs) {
  const c10::InferenceMode inference;
  const auto cases = read_json("golden/vit/cases.json");
  int checked = 0;
  for (const auto& record : cases["cases"]) {
    for (const auto& checkpoint : record["checkpoints"]) {
      check_case(record, checkpoint["file"], {at::kFloat, 1e-4});
      ++checked;
    }
  }
  EXPECT_EQ(checked, 20);
}

TEST(BatchedTransformer, SixteenBitNumbersComeNear) {
  if (TORCH_VERSION_MAJOR < 2) GTEST_SKIP() << "LibTorch 1 multiplies no matrices of float16 on CPUs";
  const c10::InferenceMode inference;
  const auto cases = read_json("golden/vit/cases.json");
  for (const auto& record : cases["cases"]) {
    const std::string checkpoint = record["checkpoints"][0]["file"];
    check_case(record, checkpoint, {at::kBFloat16, 0.1});
    check_case(record, checkpoint, {at::kHalf, 0.02});
  }
}

TEST(BatchedTransformer, SegmentsAreSeenByTheirOwnClsQuery) {
  const c10::InferenceMode inference;
  for (const char* name : {"dino_p8_head64.safetensors", "dinov3_p16.safetensors"}) {
    const std::string path = data_path(std::string("golden/vit/") + name);
    const auto reference = VisionTransformer::load(path);
    const auto loaded = load(name, std::nullopt);
    const ViTArchitecture& model = loaded->plan.architecture;
    BatchedTransformer transformer(model, loaded->weights, *loaded->tokens, c10::Device(c10::kCPU), at::kFloat,
                                   nullptr);
    const GridSize grid{4, 5};
    const int height = grid.rows * model.patch;
    const int width = grid.cols * model.patch;
    std::vector<float> pixels;
    for (int i = 0; i < 2 * 3 * height * width; ++i) pixels.push_back(std::sin(0.37F * static_cast<float>(i)));
    std::vector<std::int16_t> maps(static_cast<std::size_t>(2 * grid.patches()), -1);
    const std::vector<int> segments{3, 1};
    for (std::size_t p = 0; p < 20; ++p) maps[p] = static_cast<std::int16_t>(static_cast<int>(p % 4) - 1);
    for (std::size_t p = 25; p < 31; ++p) maps[p] = 0;
    const at::Tensor patches = patches_of(pixels, {2, 3, height, width}, grid, model.patch);
    const at::Tensor map_tensor = at::from_blob(maps.data(), {2, grid.patches()}, at::kShort);
    const auto found = transformer.segment_cls(patches, grid, false, map_tensor, segments);
    ASSERT_EQ(found.size(), 2U);
    const std::size_t one = pixels.size() / 2;
    for (std::size_t i = 0; i < 2; ++i) {
      const auto expected = reference.segment_cls(std::span(pixels).subspan(i * one, one), height, width,
                                                  std::span(maps).subspan(i * 20, 20), segments[i]);
      EXPECT_LE(difference(found[i], expected, name), 1e-4) << name;
    }
  }
}

}  // namespace
}  // namespace datus::test
