// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/model/weights.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace datus {

/// Whether the bytes look like a .safetensors file: eight bytes of header length, then a JSON
/// object.
[[nodiscard]] bool looks_like_safetensors(std::span<const std::byte> bytes) noexcept;

/// Reads a .safetensors file (https://huggingface.co/docs/safetensors): every tensor's type, shape
/// and place must fit, and together they must cover the data without gap or overlap, as the format
/// demands. The tensors refer to `bytes`. Throws `InputError` naming `source` and the reason.
[[nodiscard]] std::vector<WeightTensor> read_safetensors(std::span<const std::byte> bytes, const std::string& source);

}  // namespace datus
