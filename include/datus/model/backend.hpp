// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/model/vision_transformer.hpp"

#include <filesystem>
#include <string>

namespace datus {

/// What a result of LibTorch on this machine depends on: device, instruction set, version of LibTorch, BLAS library.
/// Two machines with the same text give the same bits.
[[nodiscard]] std::string torch_backend();

/// The same for a model on GPU `gpu`: card, LibTorch, driver and runtime, precision. Throws `SystemError` where there
/// is no such GPU, or no CUDA in this build.
[[nodiscard]] std::string gpu_backend(int gpu, Precision precision);

/// The library with LibTorch in it, which the first use of a model, or of these functions, loads; the program itself
/// where it is a part of that. Throws `SystemError` where it cannot be loaded, as all of them do.
[[nodiscard]] std::filesystem::path transformer_library_file();

}  // namespace datus
