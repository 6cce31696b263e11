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
[[nodiscard]] bool looks_like_shard_index(std::span<const std::byte> bytes) noexcept;

/// The index of sharded weights, {"weight_map": {TENSOR: FILE, ...}}: the shard's file name by tensor.
/// File names are plain, for they are looked up in the folder of the index. Throws `InputError` naming
/// `source` and the reason.
[[nodiscard]] std::map<std::string, std::string> read_shard_index(std::span<const std::byte> bytes,
                                                                  const std::string& source);

/// Hugging Face's name of a shard, "model-00002-of-00005.safetensors", taken apart.
struct ShardName {
  std::string stem;  ///< "model"
  int number = 0;
  int count = 0;
  std::string extension;  ///< ".safetensors"
};
[[nodiscard]] std::optional<ShardName> parse_shard_name(const std::string& name);

}  // namespace datus
