// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "io/hdf5/hdf5_dataset.hpp"
#include "io/hdf5/hdf5_library.hpp"

#include <cstdint>

namespace datus::hdf5 {

/// What happens to a floating-point value that the type asked for cannot hold exactly.
enum class Rounding {
  refuse,  ///< a stored type wider than the one asked for is an error
  once,    ///< f64 is rounded to nearest even; a finite value that would become infinite is an error
};

/// Reads rows [first, first + count) of a dataset that is not virtual as numbers of type `wanted`. Throws `InputError`
/// for a stored type that cannot be had as `wanted`, and for an integer that does not fit, naming its row.
void read_converted(const File& file, const Dataset& dataset, Dtype wanted, Rounding rounding, std::int64_t first,
                    std::int64_t count, void* values);

}  // namespace datus::hdf5
