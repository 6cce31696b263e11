// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/types.hpp"
#include "datus/model/vit_architecture.hpp"
#include "model/torch/rotary_positions.hpp"
#include "model/torch/vit_weights.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include <ATen/core/Tensor.h>

namespace datus {

/// The part of the tokens that does not depend on the image, kept per image size. Safe to use from
/// several threads.
class TokenBase {
 public:
  struct Grid {
    /// [leading + P, D]: the CLS token with its position and the registers, then the patch embedding's bias with each
    /// patch's position. Not to be written to.
    at::Tensor tokens;
    std::shared_ptr<const RotaryPositions> rotary;  ///< null without
  };

  /// Refers to both arguments, which must outlive it.
  TokenBase(const ViTArchitecture& architecture, const ViTWeights& weights)
      : architecture_(architecture), weights_(weights) {}

  /// The native positions are used as they are only for a square image with the native number of patches, as the DINO
  /// authors' code does; any other is resized.
  [[nodiscard]] Grid get(GridSize grid, bool square);

 private:
  [[nodiscard]] Grid make(GridSize grid, bool native) const;

  const ViTArchitecture& architecture_;
  const ViTWeights& weights_;
  std::mutex mutex_;
  std::map<std::pair<int, int>, Grid> kept_;
};

}  // namespace datus
