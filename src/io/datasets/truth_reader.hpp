// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/labels.hpp"
#include "io/datasets/label_table.hpp"
#include "io/images/png_decoder.hpp"

#include <filesystem>

namespace datus::io_detail {

/// The classes of the values in the ground truth `path`. Throws `InputError` naming the file, and a value that is no
/// class with its pixel.
[[nodiscard]] Labels classes_of(IndexImage stored, const LabelTable& table, const std::filesystem::path& path);

}  // namespace datus::io_detail
