// SPDX-License-Identifier: Apache-2.0
#include "counters.hpp"
#include "datus/core/error.hpp"
#include "datus/model/vision_transformer.hpp"
#include "gpu/model/small_model.hpp"

#include <cstddef>
#include <cstdint>
#include <future>
#include <span>
#include <vector>

#include <gtest/gtest.h>

// How many batches the crops of shards take, counted by the copies of their vectors to the host.

namespace datus::test {
namespace {

using Vectors = std::vector<float>;

class CropBatches : public testing::Test {
 protected:
  /// Begins one crop each of images from `first` on, different ones, the first of them at `place` of its batch.
  [[nodiscard]] std::future<Vectors> begin(std::size_t first, std::size_t count, std::size_t place) {
    const auto images = std::span(inputs_).subspan(first, count);
    const Halves halves(images, 1);
    return model_.begin_crop_vectors(halves.crops(place), scaling, {4, [this](std::size_t) { before_each_batch(); }});
  }
  /// The same by themselves.
  [[nodiscard]] Vectors alone(std::size_t first, std::size_t count, std::size_t place) {
    return begin(first, count, place).get();
  }
  [[nodiscard]] static std::int64_t batches() { return cuda_emulation::counters().copies_down; }
  void before_each_batch() const {
    if (gives_up_) throw UsageError("enough", "the test says so", "Nothing.");
  }

  const VisionTransformer model_ = model_on_gpu();
  const std::vector<Image> images_ = random_images(40, 64, 64);
  const std::vector<const Image*> inputs_ = pointers(images_);
  bool gives_up_ = false;
};

TEST_F(CropBatches, AreFilledAcrossTheImagesOfAShard) {
  for (const std::size_t crops : {3U, 4U, 9U}) {
    cuda_emulation::forget_counters();
    (void)alone(0, crops, 0);
    EXPECT_EQ(batches(), static_cast<std::int64_t>((crops + 3) / 4)) << crops;
  }
}

TEST_F(CropBatches, GoOnWithTheNextShard) {
  // 5, 3, 6, 1 and 1 crops, side by side: four whole batches.
  const std::vector<std::size_t> counts{5, 3, 6, 1, 1};
  std::vector<Vectors> expected;
  for (std::size_t call = 0, first = 0; call < counts.size(); first += counts[call++]) {
    expected.push_back(alone(first, counts[call], first));
  }
  const Halves halves(inputs_, 1);
  const Vectors all = VisionTransformer::load(checkpoint()).crop_vectors(halves.crops(), scaling, {4, {}});
  cuda_emulation::forget_counters();
  std::vector<std::future<Vectors>> results;
  for (std::size_t call = 0, first = 0; call < counts.size(); first += counts[call++]) {
    results.push_back(begin(first, counts[call], first));
  }
  Vectors found;
  for (std::size_t call = 0; call < counts.size(); ++call) {
    const Vectors vectors = results[call].get();
    EXPECT_EQ(vectors, expected[call]) << call;
    found.insert(found.end(), vectors.begin(), vectors.end());
  }
  EXPECT_EQ(batches(), 4);
  EXPECT_LE(difference(found, {all.begin(), all.begin() + std::ssize(found)}), 1e-4);
}

TEST_F(CropBatches, AskedForEarlyTheyGoAsTheyAre) {
  const Vectors expected = alone(0, 5, 0);
  const Vectors next = alone(5, 3, 1);
  cuda_emulation::forget_counters();
  auto first = begin(0, 5, 0);
  EXPECT_EQ(first.get(), expected);
  auto second = begin(5, 3, 1);
  EXPECT_EQ(second.get(), next);
  EXPECT_EQ(batches(), 3);
}

// What would make a crop's place depend on who came before: the places are kept, and their batches are not full.
TEST_F(CropBatches, KeepTheirPlaces) {
  const auto batches_of = [&](const std::vector<std::size_t>& places) {
    cuda_emulation::forget_counters();
    std::vector<std::future<Vectors>> results;
    for (std::size_t i = 0; i < places.size(); ++i) results.push_back(begin(i, 1, places[i]));
    for (auto& result : results) (void)result.get();
    return batches();
  };
  EXPECT_EQ(batches_of({0, 1, 2, 3}), 1);
  EXPECT_EQ(batches_of({3, 9, 4, 13}), 2);
  EXPECT_EQ(batches_of({2, 2, 2, 2}), 4);
  // Two wait at most: the first one goes with two crops.
  EXPECT_EQ(batches_of({0, 1, 0, 0, 2, 3, 1, 2, 3}), 3);
}

TEST_F(CropBatches, OfACallThatIsGivenUpLeaveThoseBeforeItWhole) {
  const Vectors expected = alone(0, 2, 0);
  const Vectors after = alone(20, 3, 1);
  auto first = begin(0, 2, 0);
  gives_up_ = true;
  EXPECT_THROW((void)begin(2, 9, 2), UsageError);
  gives_up_ = false;
  // Nobody asks for these.
  (void)begin(11, 1, 2);
  auto last = begin(20, 3, 1);
  EXPECT_EQ(first.get(), expected);
  EXPECT_EQ(last.get(), after);
}

TEST_F(CropBatches, OfAnotherSizeDoNotMix) {
  const Vectors expected = alone(0, 2, 0);
  auto first = begin(0, 2, 0);
  const auto two = std::span(inputs_).subspan(2, 2);
  const Halves halves(two, 1);
  const auto others = model_.crop_vectors(halves.crops(2), scaling, {3, {}});
  EXPECT_EQ(first.get(), expected);
  EXPECT_EQ(others, model_.crop_vectors(halves.crops(2), scaling, {3, {}}));
}

}  // namespace
}  // namespace datus::test
