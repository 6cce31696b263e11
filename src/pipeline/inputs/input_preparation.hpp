// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/config/config.hpp"
#include "datus/core/image.hpp"
#include "datus/core/types.hpp"
#include "datus/model/input_geometry.hpp"
#include "datus/model/resize.hpp"

#include <cstdint>
#include <vector>

namespace datus {

/// An image as the first stages hold it in memory.
struct InputImage {
  Image input;                      ///< resized to the input size, uint8 RGB
  std::vector<std::uint8_t> valid;  ///< [P], 0 = padding; empty: no padding
};

/// How images of any size are brought to the one input size and patch grid of a run.
class InputPreparation {
 public:
  /// `resample`: of the resize (`Backbone::resample`). Throws `UsageError` when the input size is no multiple of
  /// `patch` or gives more than 32,767 patches.
  InputPreparation(const ModelConfig& config, int patch, Resample resample);

  [[nodiscard]] GridSize grid() const;
  [[nodiscard]] int patch() const { return patch_; }
  /// How an image of that size in pixels lies on the input.
  [[nodiscard]] InputGeometry geometry(int height, int width) const;
  /// A decoded image, resized.
  [[nodiscard]] InputImage prepare(const Image& original) const;

 private:
  ModelConfig config_;
  int patch_;
  Resample resample_;
};

}  // namespace datus
