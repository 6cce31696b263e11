// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "io/hdf5/hdf5_dataset.hpp"
#include "io/hdf5/hdf5_library.hpp"

namespace datus::hdf5 {

/// Throws `InputError` when the stored values of a dataset went through a filter (compression, mostly) that this
/// library has neither built in nor as a plugin. Nothing but the index of the chunks is read.
void require_filters(const File& file, const Dataset& dataset);

}  // namespace datus::hdf5
