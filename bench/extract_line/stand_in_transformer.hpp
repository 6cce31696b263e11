// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/half.hpp"
#include "datus/core/types.hpp"

#include <cstddef>
#include <vector>

namespace datus::bench {

/// What the model stands for: its patches and the width of its keys.
struct LineShape {
  int patch = 8;
  int side = 224;
  int dim = 384;

  [[nodiscard]] GridSize grid() const { return {side / patch, side / patch}; }
  [[nodiscard]] std::size_t values() const {
    return static_cast<std::size_t>(grid().patches()) * static_cast<std::size_t>(dim);
  }
};

/// From now on `VisionTransformer::load` gives a model of this shape whose forward pass costs nothing: its keys are
/// there already, as those of a GPU are when they have come down to pinned memory. What the host does with images and
/// keys around a pass it does: pixels are copied to one place for a batch, keys out of the other.
void use_stand_in(const LineShape& shape);

/// Keys of one of some made-up images: regions of alike patches, with noise.
[[nodiscard]] const std::vector<half>& made_up_keys(std::size_t image);

/// Seconds of processor time that pixels and keys took on their way into the stand-in and out of it.
struct CopyTimes {
  double pixels = 0;
  double keys = 0;
};
[[nodiscard]] CopyTimes copy_times();

}  // namespace datus::bench
