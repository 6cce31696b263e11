// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>

namespace datus {

/// Whether the bytes look like JSON text, as an index is; the header length of a .safetensors file
/// holds zeros.
[[nodiscard]] bool looks_like_parts_index(std::span<const std::byte> bytes) noexcept;

/// The index of weights in parts, {"weight_map": {TENSOR: FILE, ...}}: the part's file name by tensor.
/// File names are plain, for they are looked up in the folder of the index. Throws `InputError` naming
/// `source` and the reason.
[[nodiscard]] std::map<std::string, std::string> read_parts_index(std::span<const std::byte> bytes,
                                                                  const std::string& source);

/// Hugging Face's name of a part, "model-00002-of-00005.safetensors", taken apart.
struct PartName {
  std::string stem;  ///< "model"
  int number = 0;
  int count = 0;
  std::string extension;  ///< ".safetensors"
};
[[nodiscard]] std::optional<PartName> parse_part_name(const std::string& name);

}  // namespace datus
