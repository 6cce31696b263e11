// SPDX-License-Identifier: Apache-2.0
#include "counters.hpp"
#include "datus/core/gpu.hpp"
#include "datus/model/vision_transformer.hpp"
#include "gpu/model/small_model.hpp"

#include <cstddef>
#include <cstdint>
#include <future>
#include <span>
#include <string>
#include <vector>

#include <cuda_runtime.h>
#include <gtest/gtest.h>

// Passes as CUDA graphs: what they give, what the host does for them, and the memory that they take. LibTorch's
// operations are recorded with their addresses, as on a card.

namespace datus::test {
namespace {

constexpr VisionTransformer::Request keys{.feature = PatchFeature::key};

class RecordedPasses : public testing::Test {
 protected:
  void SetUp() override { testing::internal::CaptureStderr(); }
  void TearDown() override {
    cuda_emulation::machine() = before_;
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  }

  [[nodiscard]] static std::vector<float> crops(const VisionTransformer& model, std::span<const Image* const> images) {
    return model.crop_vectors(Halves(images).crops(), scaling, {2, {}});
  }

  const std::vector<Image> images_ = random_images(7, 64, 64);
  const std::vector<const Image*> inputs_ = pointers(images_);
  const VisionTransformer plain_ = model_on_gpu();
  const VisionTransformer model_ = model_on_gpu(true);
  const cuda_emulation::Machine before_ = cuda_emulation::machine();
};

TEST_F(RecordedPasses, AreOneLaunchAndNoOperationOfLibTorchForABatch) {
  const auto expected = plain_.forward(inputs_, scaling, keys, {3, {}}).embeddings;
  cuda_emulation::forget_counters();
  EXPECT_EQ(plain_.forward(inputs_, scaling, keys, {3, {}}).embeddings, expected);
  const auto kernel_by_kernel = cuda_emulation::counters();
  EXPECT_EQ(kernel_by_kernel.launches, 3 * (2 + 3 * (plain_.architecture().depth - 1)));
  EXPECT_GE(kernel_by_kernel.operations, 3 * 5 * (plain_.architecture().depth - 1));

  (void)model_.forward(std::span(inputs_).first(6), scaling, keys, {3, {}});
  cuda_emulation::forget_counters();
  // The last batch has one image.
  EXPECT_EQ(model_.forward(inputs_, scaling, keys, {3, {}}).embeddings, expected);
  const auto counted = cuda_emulation::counters();
  EXPECT_EQ(counted.launches, 3);
  EXPECT_EQ(counted.operations, 0);
  EXPECT_EQ(counted.copies_up, kernel_by_kernel.copies_up);
  EXPECT_EQ(counted.copies_down, kernel_by_kernel.copies_down);
  EXPECT_EQ(counted.drains, kernel_by_kernel.drains);
}

TEST_F(RecordedPasses, OfCropsLeaveTheirCutting) {
  const auto expected = crops(plain_, inputs_);
  EXPECT_EQ(crops(model_, inputs_), expected);
  cuda_emulation::forget_counters();
  EXPECT_EQ(crops(model_, inputs_), expected);
  const auto counted = cuda_emulation::counters();
  EXPECT_EQ(counted.launches, 7 * (2 + 1));
  EXPECT_EQ(counted.operations, 0);
}

/// As the shards of a line follow each other, with both places for batches in use: nothing of one is where the next one
/// computes.
TEST_F(RecordedPasses, OfSeveralKindsAndPlacesDoNotDisturbEachOther) {
  const VisionTransformer::Request both{.feature = PatchFeature::key, .cls = true, .halves = true};
  const VisionTransformer::Request tokens{.feature = PatchFeature::token, .cls = true};
  const auto part = [&](std::size_t call) { return std::span(inputs_).subspan(call, 3); };
  for (int round = 0; round < 3; ++round) {
    std::vector<std::future<VisionTransformer::Features>> found;
    for (std::size_t call = 0; call < 4; ++call) {
      found.push_back(model_.begin_forward(part(call), scaling, call % 2 == 0 ? both : tokens, {2, {}}));
      EXPECT_EQ(crops(model_, part(call)), crops(plain_, part(call)));
    }
    for (std::size_t call = 0; call < 4; ++call) {
      const auto expected = plain_.forward(part(call), scaling, call % 2 == 0 ? both : tokens, {2, {}});
      const auto features = found[call].get();
      EXPECT_EQ(features.embeddings, expected.embeddings) << round << call;
      EXPECT_EQ(features.halves, expected.halves) << round << call;
      EXPECT_EQ(features.cls, expected.cls) << round << call;
    }
  }
}

TEST_F(RecordedPasses, AreRecordedAnewForOtherSizesAndPlaces) {
  const auto large = random_images(2, 96, 96);
  for (int round = 0; round < 2; ++round) {
    // The larger ones get other memory, which the smaller ones have too from then on.
    for (const auto& images : {images_, large}) {
      const auto inputs = pointers(images);
      const auto expected = plain_.forward(inputs, scaling, keys, {2, {}});
      EXPECT_EQ(model_.forward(inputs, scaling, keys, {2, {}}).embeddings, expected.embeddings) << round;
    }
  }
}

TEST_F(RecordedPasses, AskForNoMoreMemoryOnceTheyHaveRun) {
  const auto run = [&] {
    (void)model_.forward(inputs_, scaling, keys, {2, {}});
    (void)crops(model_, inputs_);
  };
  run();
  run();
  const std::size_t taken = cuda_emulation::memory_in_use();
  cuda_emulation::machine().memory = taken;
  cuda_emulation::forget_counters();
  run();
  EXPECT_EQ(cuda_emulation::memory_in_use(), taken);
  EXPECT_EQ(cuda_emulation::counters().peak_memory, taken);
}

TEST_F(RecordedPasses, ShareTheMemoryOfTheirIntermediateResults) {
  const auto taken_by = [&](const VisionTransformer& model) {
    const std::size_t before = cuda_emulation::memory_in_use();
    (void)model.forward(inputs_, scaling, {.feature = PatchFeature::token}, {4, {}});
    (void)model.forward(inputs_, scaling, keys, {4, {}});
    return cuda_emulation::memory_in_use() - before;
  };
  const std::size_t kernel_by_kernel = taken_by(plain_);
  // Four graphs: for each the results and, while it is tried, what they should be.
  const std::size_t result = std::size_t{4} * 64 * static_cast<std::size_t>(model_.architecture().dim) * 4;
  EXPECT_LE(taken_by(model_), kernel_by_kernel + 6 * result);
}

TEST_F(RecordedPasses, GiveTheirMemoryBackWithTheModel) {
  const auto run_elsewhere = [&] {
    const VisionTransformer other = model_on_gpu(true, 2);
    (void)other.forward(inputs_, scaling, keys, {4, {}});
  };
  run_elsewhere();
  const std::size_t before = cuda_emulation::memory_in_use();
  run_elsewhere();
  EXPECT_LE(cuda_emulation::memory_in_use(), before);
}

TEST_F(RecordedPasses, ATooLargeBatchIsAnErrorThatTheySurvive) {
  const auto expected = plain_.forward(inputs_, scaling, keys, {2, {}}).embeddings;
  EXPECT_EQ(model_.forward(inputs_, scaling, keys, {2, {}}).embeddings, expected);
  const std::size_t before = cuda_emulation::memory_in_use();
  // Its images fit, and its patches, but no more.
  constexpr std::size_t images = std::size_t{100} * 64 * 64 * 3;
  cuda_emulation::machine().memory = before + 7 * images;
  EXPECT_THROW((void)model_.forward(inputs_, scaling, keys, {100, {}}), DeviceMemoryError);
  // What it had taken until then is there for a smaller one.
  EXPECT_LE(cuda_emulation::memory_in_use(), before + 2 * images);
  EXPECT_EQ(model_.forward(inputs_, scaling, keys, {2, {}}).embeddings, expected);
}

TEST_F(RecordedPasses, WhereTheDriverRefusesThemKernelsRunAndALineSaysWhyOnce) {
  cuda_emulation::machine().has_graphs = false;
  for (int round = 0; round < 2; ++round) {
    const auto expected = plain_.forward(inputs_, scaling, keys, {2, {}});
    EXPECT_EQ(model_.forward(inputs_, scaling, keys, {2, {}}).embeddings, expected.embeddings);
    EXPECT_EQ(crops(model_, inputs_), crops(plain_, inputs_));
  }
  const std::string log = testing::internal::GetCapturedStderr();
  testing::internal::CaptureStderr();
  const auto line = log.find("model.cuda_graphs: passes of the model run kernel by kernel from now on");
  EXPECT_NE(line, std::string::npos) << log;
  EXPECT_NE(log.find("operation not supported"), std::string::npos) << log;
  EXPECT_EQ(log.find("model.cuda_graphs", line + 1), std::string::npos) << log;
}

TEST_F(RecordedPasses, OtherBitsThanThePassHadAreFoundOut) {
  cuda_emulation::machine().graphs_err = true;
  const auto expected = plain_.forward(inputs_, scaling, keys, {2, {}});
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(model_.forward(inputs_, scaling, keys, {2, {}}).embeddings, expected.embeddings) << round;
  }
  const std::string log = testing::internal::GetCapturedStderr();
  testing::internal::CaptureStderr();
  EXPECT_NE(log.find("gives other bits"), std::string::npos) << log;
}

}  // namespace
}  // namespace datus::test
