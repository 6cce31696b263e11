// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/model/vision_transformer.hpp"
#include "model/torch/cuda/layer_kernels.hpp"

#include <c10/core/ScalarType.h>

namespace datus {

/// LibTorch's name of a model's numbers.
[[nodiscard]] constexpr at::ScalarType number_of(Precision precision) {
  switch (precision) {
    case Precision::float32:
      return at::kFloat;
    case Precision::bfloat16:
      return at::kBFloat16;
    case Precision::float16:
      return at::kHalf;
  }
  return at::kFloat;
}

/// That of our kernels; float32 for all that they have not.
[[nodiscard]] constexpr gpu_layers::Number layers_number(at::ScalarType number) {
  return number == at::kBFloat16 ? gpu_layers::Number::bfloat16
         : number == at::kHalf   ? gpu_layers::Number::float16
                                 : gpu_layers::Number::float32;
}

}  // namespace datus
