// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/model/vision_transformer.hpp"

#include <string>

namespace datus {

/// `torch_backend` and `gpu_backend`.
[[nodiscard]] std::string backend_of_cpu();
[[nodiscard]] std::string backend_of_gpu(int gpu, Precision precision);

}  // namespace datus
