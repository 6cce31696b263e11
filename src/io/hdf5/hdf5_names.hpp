// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "io/hdf5/hdf5_dataset.hpp"
#include "io/hdf5/hdf5_library.hpp"

#include <string>
#include <vector>

namespace datus::hdf5 {

/// All strings [n] of a dataset that is not virtual. Throws `InputError` for strings that together take more memory
/// than the file can hold, or, where they are of a fixed length and so may be compressed, than 1 GiB.
[[nodiscard]] std::vector<std::string> read_names(const File& file, const Dataset& dataset);

}  // namespace datus::hdf5
