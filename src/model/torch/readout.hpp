// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/model/vision_transformer.hpp"

#include <cstddef>

namespace datus {

/// The last block to run and what to read there.
struct Readout {
  std::size_t layer = 0;
  PatchFeature feature = PatchFeature::key;
  bool cls = false;
  /// Whether the patches' vectors are wanted.
  bool embeddings = true;
  /// Whether they are wanted as float16, as `VisionTransformer::Features` has them then.
  bool halves = false;
  /// As `VisionTransformer::Request` has it.
  std::byte* kept_on_gpu = nullptr;
  friend bool operator==(const Readout&, const Readout&) = default;
};

}  // namespace datus
