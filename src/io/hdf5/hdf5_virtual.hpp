// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/io/hdf5_types.hpp"
#include "io/hdf5/hdf5_dataset.hpp"
#include "io/hdf5/hdf5_library.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace datus::hdf5 {

/// One source of a virtual dataset and the row at which its rows begin.
struct VirtualPart {
  std::int64_t first_row = 0;
  VirtualSource source;
};

/// Puts the mapping of the sources, row after row, into the creation properties of the dataset `name` of this shape.
void map_sources(const File& file, const Handle& creation, const std::string& name, const Shape& shape,
                 std::span<const VirtualSource> sources);

/// The parts of a virtual dataset by rows. Throws `InputError` unless each source is a whole dataset that fills
/// consecutive rows, and all rows are filled once.
[[nodiscard]] std::vector<VirtualPart> virtual_parts(const File& file, const Dataset& dataset);

}  // namespace datus::hdf5
