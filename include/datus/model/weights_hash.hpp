// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/hash.hpp"
#include "datus/model/weight_branch.hpp"

#include <filesystem>
#include <string_view>

namespace datus {

/// By which runs know the model that they take from a weights file: `hash_model_files`, and of a file that holds
/// several models (student and teacher, a model and its average) also which one.
[[nodiscard]] Hash hash_model(const std::filesystem::path& weights, const WeightBranch& branch);

/// The same for the model that `branch` names or "auto" finds. A file in which none is found, or not one alone, has the
/// hash of its bytes: whoever loads the model says what is wrong. Throws `InputError` naming a file that cannot be
/// read.
[[nodiscard]] Hash hash_model(const std::filesystem::path& weights, std::string_view branch);

}  // namespace datus
