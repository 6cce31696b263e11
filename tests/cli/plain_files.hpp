// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the tests of commands on plain files share.

#include "datus/core/image.hpp"
#include "datus/io/hdf5.hpp"
#include "datus/io/image_writer.hpp"
#include "support/golden.hpp"
#include "support/program.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace datus::test {

/// A tiny random ViT with patches of 8 pixels, D = 32, two heads; `tiny_model` adds what its tensors do not tell and an
/// input of 4 x 4 patches.
inline std::string tiny_weights() {
  return data_path("golden/vit/dino_p8.safetensors");
}
inline Arguments tiny_model(Arguments arguments) {
  for (const char* setting : {"model.heads=2", "model.input_size=32"}) {
    arguments.insert(arguments.end(), {"--set", setting});
  }
  return arguments;
}

/// An image of blocks whose colours depend on `seed`, so that no two images and no two patches are alike.
inline Image test_image(int height, int width, unsigned seed) {
  Image image(height, width);
  unsigned state = seed * 2654435761U + 12345U;
  for (int y = 0; y < height; ++y) {
    auto row = image.row(y);
    for (int x = 0; x < 3 * width; ++x) {
      state = state * 1664525U + 1013904223U;
      const unsigned block = (static_cast<unsigned>(y / 11) * 37U + static_cast<unsigned>(x / 39) * 101U) * (seed + 3U);
      row[static_cast<std::size_t>(x)] = static_cast<std::uint8_t>((block + (state >> 28U)) & 255U);
    }
  }
  return image;
}

/// Writes `count` images a.png, b.png, ... of different sizes.
inline void write_test_images(const std::filesystem::path& folder, int count) {
  std::filesystem::create_directories(folder);
  for (int i = 0; i < count; ++i) {
    write_png(folder / (std::string(1, static_cast<char>('a' + i)) + ".png"),
              test_image(40 + 7 * i, 64 - 5 * i, static_cast<unsigned>(i)));
  }
}

/// Writes an HDF5 file as another program may: `fill` gets the writer.
inline void write_hdf5(const std::filesystem::path& path, const std::function<void(Hdf5Writer&)>& fill) {
  Hdf5Writer writer(path);
  fill(writer);
  writer.close();
}

/// The program refuses with this exit code, says each of `words`, and ends in time without a hang.
inline void expect_refusal(const Outcome& outcome, int code, const std::vector<std::string>& words) {
  EXPECT_FALSE(outcome.timed_out) << outcome;
  EXPECT_EQ(outcome.code, code) << outcome;
  EXPECT_NE(outcome.err.find("datus: error: "), std::string::npos) << outcome;
  EXPECT_EQ(outcome.err.find("terminate called"), std::string::npos) << outcome;
  for (const auto& word : words)
    EXPECT_NE(outcome.err.find(word), std::string::npos) << "no '" << word << "': " << outcome;
}

}  // namespace datus::test
