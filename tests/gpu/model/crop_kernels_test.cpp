// SPDX-License-Identifier: Apache-2.0
#include "datus/core/cuda/memory.hpp"
#include "datus/core/error.hpp"
#include "datus/model/masked_crop.hpp"
#include "model/pixels/cuda/crop_plan.hpp"
#include "support/gpu_required.hpp"

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace datus::gpu_layers {
namespace {

struct Case {
  GridSize grid;
  int patch;
  int crop_resize;
  int crop_size;
};

/// An image whose patches belong to rectangles that overlap, so that boxes hold foreign patches too.
struct Scene {
  Image image;
  std::vector<std::int16_t> map;
  std::vector<PatchBox> boxes;
};

Scene make_scene(const Case& size, unsigned seed) {
  std::mt19937 generator(seed);
  Scene scene{Image(size.grid.rows * size.patch, size.grid.cols * size.patch),
              std::vector<std::int16_t>(static_cast<std::size_t>(size.grid.patches()), -1),
              {}};
  for (auto& pixel : scene.image.pixels) pixel = static_cast<std::uint8_t>(generator());
  const auto within = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(generator); };
  for (std::int16_t segment = 0; segment < 5; ++segment) {
    const int row = within(0, size.grid.rows - 1);
    const int col = within(0, size.grid.cols - 1);
    const int bottom = within(row, size.grid.rows - 1);
    const int right = within(col, size.grid.cols - 1);
    for (int r = row; r <= bottom; ++r) {
      for (int c = col; c <= right; ++c) scene.map[static_cast<std::size_t>(r * size.grid.cols + c)] = segment;
    }
  }
  for (std::int16_t segment = 0; segment < 5; ++segment) {
    int top = size.grid.rows;
    int left = size.grid.cols;
    int bottom = -1;
    int right = -1;
    for (int p = 0; p < size.grid.patches(); ++p) {
      if (scene.map[static_cast<std::size_t>(p)] != segment) continue;
      top = std::min(top, p / size.grid.cols);
      bottom = std::max(bottom, p / size.grid.cols);
      left = std::min(left, p % size.grid.cols);
      right = std::max(right, p % size.grid.cols);
    }
    const auto narrow = [](int value) { return static_cast<std::int16_t>(value); };
    // Nothing left of it: an empty box.
    scene.boxes.push_back(
        bottom < 0 ? PatchBox{}
                   : PatchBox{narrow(top), narrow(left), narrow(bottom - top + 1), narrow(right - left + 1)});
  }
  return scene;
}

/// The crops of all segments of the scenes, from the device.
std::vector<Image> crops_on_gpu(const Case& size, const std::vector<Scene>& scenes,
                                const std::vector<CropPlace>& places) {
  const cuda::Stream stream;
  std::vector<std::uint8_t> pixels;
  std::vector<std::int16_t> maps;
  for (const Scene& scene : scenes) {
    pixels.insert(pixels.end(), scene.image.pixels.begin(), scene.image.pixels.end());
    maps.insert(maps.end(), scene.map.begin(), scene.map.end());
  }
  cuda::DeviceArray<std::uint8_t> device_pixels(pixels.size());
  cuda::DeviceArray<std::int16_t> device_maps(maps.size());
  cuda::copy(device_pixels.data(), pixels.data(), pixels.size(), stream);
  cuda::copy(device_maps.data(), maps.data(), maps.size(), stream);
  const auto bytes = static_cast<std::size_t>(size.crop_size) * static_cast<std::size_t>(size.crop_size) * 3;
  cuda::DeviceArray<std::uint8_t> out(places.size() * bytes);
  const CropPlan plan(places, size.grid, size.patch, size.crop_resize, size.crop_size, 2);
  CropBuffers buffers;
  buffers.cut(plan, places.size(), device_pixels.data(), device_maps.data(), out.data(), stream);
  std::vector<Image> crops(places.size(), Image(size.crop_size, size.crop_size));
  for (std::size_t i = 0; i < places.size(); ++i) {
    cuda::copy(crops[i].pixels.data(), out.data() + i * bytes, bytes, stream);
  }
  stream.wait();
  return crops;
}

TEST(GpuCrops, AreThoseOfTheCpu) {
  DATUS_REQUIRE_GPU();
  const std::vector<Case> cases{
      {{6, 6}, 8, 40, 32}, {{5, 9}, 4, 32, 28}, {{3, 14}, 8, 20, 20}, {{7, 7}, 14, 24, 16}, {{4, 4}, 8, 32, 32}};
  for (std::size_t number = 0; number < cases.size(); ++number) {
    const Case& size = cases[number];
    std::vector<Scene> scenes;
    std::vector<CropPlace> places;
    for (unsigned image = 0; image < 3; ++image) {
      scenes.push_back(make_scene(size, static_cast<unsigned>(number) * 10 + image));
      for (int segment = 0; segment < 5; ++segment) {
        const PatchBox box = scenes.back().boxes[static_cast<std::size_t>(segment)];
        if (box.rows > 0) places.push_back({static_cast<int>(image), segment, box});
      }
    }
    ASSERT_GE(places.size(), 5U);
    const auto found = crops_on_gpu(size, scenes, places);
    for (std::size_t i = 0; i < places.size(); ++i) {
      const Scene& scene = scenes[static_cast<std::size_t>(places[i].image)];
      const Image expected = masked_crop(scene.image, scene.map, size.grid, size.patch, places[i].segment,
                                         places[i].box, size.crop_resize, size.crop_size);
      ASSERT_EQ(found[i].pixels, expected.pixels) << "case " << number << ", crop " << i;
    }
  }
}

TEST(GpuCrops, RoomForAnyBoxIsEnoughForEachAndNotMuchMore) {
  for (const Case& size : {Case{{8, 8}, 8, 40, 32},
                           {{28, 28}, 8, 256, 224},
                           {{9, 31}, 16, 64, 64},
                           {{40, 7}, 14, 30, 3},
                           {{12, 12}, 16, 1, 1},
                           {{25, 3}, 8, 2, 2},
                           {{5, 5}, 4, 300, 299}}) {
    const CropRoom room = CropRoom::of_any_box(size.grid, size.patch, size.crop_resize, size.crop_size);
    CropRoom most;
    for (int rows = 1; rows <= size.grid.rows; ++rows) {
      for (int cols = 1; cols <= size.grid.cols; ++cols) {
        const std::vector<CropPlace> places{
            {0, 0, {0, 0, static_cast<std::int16_t>(rows), static_cast<std::int16_t>(cols)}}};
        const CropRoom taken = CropPlan(places, size.grid, size.patch, size.crop_resize, size.crop_size, 1).taken();
        most = {std::max(most.numbers, taken.numbers), std::max(most.rows, taken.rows)};
      }
    }
    EXPECT_LE(most.numbers, room.numbers) << size.crop_resize;
    EXPECT_LE(most.rows, room.rows) << size.crop_resize;
    if (size.crop_resize < 30) continue;  // a side of 1 pixel and one of 1.9 are as far apart as can be
    EXPECT_GE(1.3 * static_cast<double>(most.numbers), static_cast<double>(room.numbers)) << size.crop_resize;
    EXPECT_GE(1.3 * static_cast<double>(most.rows), static_cast<double>(room.rows)) << size.crop_resize;
  }
}

TEST(GpuCrops, BadBoxesAreRefused) {
  const auto plan = [](PatchBox box) {
    const std::vector<CropPlace> places{{0, 3, box}};
    return CropPlan(places, {4, 4}, 8, 32, 32, 1);
  };
  EXPECT_THROW((void)plan({0, 0, 0, 1}), InputError);
  EXPECT_THROW((void)plan({3, 0, 2, 1}), InputError);
  EXPECT_THROW((void)plan({-1, 0, 2, 1}), InputError);
  try {
    (void)plan({0, 2, 1, 3});
    FAIL();
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find("segment 3"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace datus::gpu_layers
