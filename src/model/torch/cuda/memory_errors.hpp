// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <c10/util/Exception.h>

namespace datus {

/// Whether an error of LibTorch says that the GPU's memory does not suffice. Its own tensors have a class of error for
/// that; CUDA, cuBLAS and cuDNN, which take memory by themselves, only a text.
[[nodiscard]] bool says_out_of_memory(const c10::Error& error);

}  // namespace datus
