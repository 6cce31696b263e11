// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "io/hdf5/hdf5_dataset.hpp"
#include "io/hdf5/hdf5_library.hpp"

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace datus::hdf5 {

/// The bytes of a dataset that is one deflated chunk, as they are in the file; nothing of any other dataset. Throws
/// `InputError` when they cannot be read.
[[nodiscard]] std::vector<std::byte> stored_chunk(const File& file, const Dataset& dataset);

/// Fills `values` from such bytes, without the library. Throws `InputError` naming the dataset and its file when they
/// do not give just as many.
void inflate(const std::string& name, const std::filesystem::path& file, std::span<const std::byte> chunk,
             std::span<std::byte> values);

}  // namespace datus::hdf5
