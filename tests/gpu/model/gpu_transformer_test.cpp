// SPDX-License-Identifier: Apache-2.0
#include "datus/core/gpu.hpp"
#include "datus/model/masked_crop.hpp"
#include "datus/model/vision_transformer.hpp"
#include "gpu/model/small_model.hpp"
#include "support/gpu_required.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <torch/version.h>

// The whole model on a card, against the CPU's. On an emulated card LibTorch's operations are those of the CPU, and all
// else is what runs on a real one: kernels, streams, events, copies, both slots.

namespace datus::test {
namespace {

VisionTransformer on_gpu(const std::string& path, Precision precision, bool cuda_graphs = false) {
  ViTOptions options;
  options.gpu = 0;
  options.cuda_graphs = cuda_graphs;
  options.precision = precision;
  options.threads = 2;
  return VisionTransformer::load(path, options);
}

/// With how large a difference; on emulated cards what LibTorch 1 multiplies on CPUs.
std::vector<std::pair<Precision, double>> precisions() {
  std::vector<std::pair<Precision, double>> all{{Precision::float32, 1e-4}};
  if (TORCH_VERSION_MAJOR >= 2) all.insert(all.end(), {{Precision::bfloat16, 0.1}, {Precision::float16, 0.02}});
  return all;
}

TEST(GpuTransformer, IsThatOfTheCpu) {
  DATUS_REQUIRE_GPU();
  for (const char* name : {"dino_p8_head64.safetensors", "dinov3_p16.safetensors"}) {
    const auto reference = VisionTransformer::load(checkpoint(name));
    const auto images = random_images(7, 96, 64);
    const auto inputs = pointers(images);
    for (const auto& [precision, tolerance] : precisions()) {
      const auto model = on_gpu(checkpoint(name), precision);
      for (const PatchFeature feature : {PatchFeature::key, PatchFeature::token}) {
        const VisionTransformer::Request request{.feature = feature, .cls = true};
        const auto expected = reference.forward(inputs, scaling, request, {3, {}});
        const auto found = model.forward(inputs, scaling, request, {3, {}});
        EXPECT_EQ(found.grid, expected.grid);
        EXPECT_LE(difference(found.embeddings, expected.embeddings), tolerance) << name << to_string(precision);
        EXPECT_LE(difference(found.cls, expected.cls), tolerance) << name << to_string(precision);
        // Twice the same, to the bit.
        const auto again = model.forward(inputs, scaling, request, {3, {}});
        EXPECT_EQ(again.embeddings, found.embeddings);
        EXPECT_EQ(again.cls, found.cls);
        // An image's bits do not depend on those that came with it.
        const auto alone = model.forward(std::span(inputs).subspan(6, 1), scaling, request, {3, {}});
        const std::size_t row = found.embeddings.size() / 7;
        EXPECT_TRUE(std::equal(alone.embeddings.begin(), alone.embeddings.end(),
                               found.embeddings.end() - static_cast<std::ptrdiff_t>(row)));
      }
    }
  }
}

TEST(GpuTransformer, CropsAndSegmentsAreThoseOfTheCpu) {
  DATUS_REQUIRE_GPU();
  const auto reference = VisionTransformer::load(checkpoint("dino_p8_head64.safetensors"));
  const GridSize grid{8, 8};
  const auto images = random_images(3, 64, 64);
  const auto inputs = pointers(images);
  std::vector<std::int16_t> maps;
  std::vector<CropPlace> places;
  for (int image = 0; image < 3; ++image) {
    for (int p = 0; p < grid.patches(); ++p)
      maps.push_back(static_cast<std::int16_t>(p / 8 < 3 ? 0 : p % 8 < 5 ? 1 : -1));
    places.push_back({image, 0, {0, 0, 3, 8}});
    places.push_back({image, 1, {3, 0, 5, 5}});
  }
  const std::vector<int> segments(3, 2);
  const SegmentCrops crops{.images = inputs,
                           .segment_maps = maps,
                           .grid = grid,
                           .patch = 8,
                           .places = places,
                           .crop_resize = 40,
                           .crop_size = 32};
  for (const auto& [precision, tolerance] : precisions()) {
    const auto model = on_gpu(checkpoint("dino_p8_head64.safetensors"), precision);
    EXPECT_LE(difference(model.crop_vectors(crops, scaling, {4, {}}), reference.crop_vectors(crops, scaling, {4, {}})),
              tolerance);
    EXPECT_LE(difference(model.segment_cls(inputs, scaling, maps, segments, {2, {}}),
                         reference.segment_cls(inputs, scaling, maps, segments, {2, {}})),
              tolerance);
  }
}

TEST(GpuTransformer, WithCudaGraphsTheBitsAreTheSame) {
  DATUS_REQUIRE_GPU();
  for (const char* name : {"dino_p8_head64.safetensors", "dinov3_p16.safetensors"}) {
    const auto images = random_images(7, 96, 64);
    const auto inputs = pointers(images);
    for (const auto& [precision, tolerance] : precisions()) {
      const auto plain = on_gpu(checkpoint(name), precision);
      const auto model = on_gpu(checkpoint(name), precision, true);
      // The first call records, in both places; the others launch, the last batch with one image.
      for (const std::size_t count : {std::size_t{6}, std::size_t{7}, std::size_t{7}}) {
        for (const PatchFeature feature : {PatchFeature::key, PatchFeature::token}) {
          const VisionTransformer::Request request{.feature = feature, .cls = true};
          const auto some = std::span(inputs).last(count);
          const auto expected = plain.forward(some, scaling, request, {3, {}});
          const auto found = model.forward(some, scaling, request, {3, {}});
          EXPECT_EQ(found.embeddings, expected.embeddings) << name << to_string(precision) << count;
          EXPECT_EQ(found.cls, expected.cls) << name << to_string(precision) << count;
        }
      }
    }
  }
}

TEST(GpuTransformer, TooLargeABatchIsAnErrorThatTheModelSurvives) {
  DATUS_REQUIRE_GPU();
  const auto model = on_gpu(checkpoint("dino_p8_head64.safetensors"), Precision::float32);
  // One image: of the other places the host has nothing.
  const auto images = random_images(1, 1024, 1024);
  const VisionTransformer::Request request{.feature = PatchFeature::token};
  EXPECT_THROW((void)model.forward(pointers(images), scaling, request, {20'000, {}}), DeviceMemoryError);
  const auto small = random_images(1, 64, 64);
  EXPECT_NO_THROW((void)model.forward(pointers(small), scaling, request, {1, {}}));
}

TEST(GpuTransformer, WithoutACardTheErrorSaysSo) {
  if (!survey_gpus().gpus.empty()) GTEST_SKIP() << "there is a GPU";
  EXPECT_THROW((void)on_gpu(checkpoint("dino_p8_head64.safetensors"), Precision::float32), SystemError);
}

}  // namespace
}  // namespace datus::test
