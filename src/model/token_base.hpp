#pragma once

#include "datus/core/types.hpp"
#include "datus/model/vit_architecture.hpp"
#include "model/vit_weights.hpp"

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
  /// Refers to both arguments, which must outlive it.
  TokenBase(const ViTArchitecture& architecture, const ViTWeights& weights)
      : architecture_(architecture), weights_(weights) {}

  /// [1 + P, D]: row 0 is the CLS token with its position, the others are the patch embedding's
  /// bias with the patch's position. The native positions are used as they are only for a square
  /// image with the native number of patches, as the DINO authors' code does; any other is resized.
  /// Not to be written to.
  [[nodiscard]] at::Tensor get(GridSize grid, bool square);

 private:
  [[nodiscard]] at::Tensor make(GridSize grid, bool native) const;

  const ViTArchitecture& architecture_;
  const ViTWeights& weights_;
  std::mutex mutex_;
  std::map<std::pair<int, int>, at::Tensor> kept_;
};

}  // namespace datus
