// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "io/hdf5/hdf5_dataset.hpp"
#include "io/hdf5/hdf5_library.hpp"

namespace datus::hdf5 {

/// Throws `InputError` unless the file can hold all that the dataset's shape promises. Memory is taken by the shape, so
/// one that is damaged must be found before; and for chunks that were never written the library would give zeros.
/// Nothing but the layout and the index of the chunks is read. Not for virtual datasets, which store nothing.
void require_stored(const File& file, const Dataset& dataset);

}  // namespace datus::hdf5
