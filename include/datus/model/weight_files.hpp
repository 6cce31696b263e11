// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace datus {

/// The files that hold the weights of one model.
struct WeightFiles {
  std::optional<std::filesystem::path> index;  ///< says which part holds what, when there are parts
  std::vector<std::filesystem::path> parts;    ///< one file, or the parts of the index in byte order
  std::map<std::string, std::size_t> part_of;  ///< with an index: number of the part, by tensor
};

/// What a path given as model.weights stands for, in the way of Hugging Face:
/// - a file of weights: itself;
/// - an index (model.safetensors.index.json, pytorch_model.bin.index.json): the parts beside it that
///   it names;
/// - a folder: the first of model.safetensors, its index, pytorch_model.bin and its index that is there.
/// One part of several is refused, and the message names the index. Throws `InputError` when a file is
/// missing or the index is damaged or names a file outside of its folder. Reads nothing but the index.
[[nodiscard]] WeightFiles weight_files(const std::filesystem::path& path);

}  // namespace datus
