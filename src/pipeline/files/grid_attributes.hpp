// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/types.hpp"
#include "datus/io/hdf5_reader.hpp"
#include "datus/io/hdf5_writer.hpp"

#include <cstdint>

namespace datus {

/// Writes the root attributes rows and cols, and patch where that is known (not 0).
void write_grid_attributes(Hdf5Writer& writer, GridSize grid, int patch);

/// The patch grid that a file records in its attributes rows and cols; without them a square of `patches`. Throws
/// `InputError` when that does not give `patches`.
[[nodiscard]] GridSize read_grid_attributes(const Hdf5Reader& reader, std::int64_t patches);

}  // namespace datus
