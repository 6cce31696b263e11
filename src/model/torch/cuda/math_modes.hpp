// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace datus {

/// Sets what LibTorch may choose by itself, or by variables of the environment, of all that the bits of a model on a
/// GPU depend on:
/// - float32 is float32: no TF32 in cuBLAS and cuDNN;
/// - sums of 16-bit products are taken in float32 to their end, also where a product is split over its inner dimension;
/// - attention by LibTorch's flash kernel where it can, else by its memory-efficient one, else by plain products: a
/// choice
///   by shape, type and generation of the card. Not by cuDNN, whose versions differ in what they take and had wrong
///   results for some lengths (before 9.15.1);
/// - cuDNN tries no algorithms out and takes deterministic ones.
/// It is set for the whole process; each model sets it when it is made. Throws `UsageError` where
/// TORCH_ALLOW_TF32_CUBLAS_OVERRIDE keeps an older LibTorch from it.
void set_math_modes();

/// The modes and what else changes the bits, for the record of a run: "no TF32, …", how GELU is computed, and the
/// variables of the environment by which cuBLAS chooses its kernels, where they are set.
[[nodiscard]] std::string math_modes_text();

}  // namespace datus
