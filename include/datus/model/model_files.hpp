// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/hash.hpp"

#include <filesystem>
#include <vector>

namespace datus {

/// All files that decide what the model in `weights` computes: the file itself, or the index and all parts, and of
/// config.json and preprocessor_config.json beside it those that are there. Throws as `weight_files` does.
[[nodiscard]] std::vector<std::filesystem::path> model_files(const std::filesystem::path& weights);

/// Hash over the bytes of `model_files`, for provenance; that of the file itself where it is alone. Throws `InputError`
/// naming the file that cannot be read.
[[nodiscard]] Hash hash_model_files(const std::filesystem::path& weights);

}  // namespace datus
