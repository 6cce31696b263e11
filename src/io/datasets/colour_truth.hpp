// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/dataset_description.hpp"
#include "io/images/png_decoder.hpp"

#include <filesystem>

namespace datus::io_detail {

/// The positions in `description.colours` of the colours in an image file, [height, width]; alpha does not count. A
/// colour that is none of them is the nearest one (by the sum of squares; the first of equals) where no channel is
/// farther than `colours_within`. Safe to call from several threads. Throws `InputError` naming the file, and a colour
/// that is none with its pixel.
[[nodiscard]] IndexImage read_colour_truth(const std::filesystem::path& path, const DatasetDescription& description);

}  // namespace datus::io_detail
