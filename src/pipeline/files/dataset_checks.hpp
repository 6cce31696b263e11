// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/half.hpp"
#include "datus/io/hdf5_reader.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace datus {

/// What a file's own parts must agree on, whoever wrote it: code behind the readers indexes by these numbers. Each
/// function throws `InputError` naming the file and the dataset.

[[noreturn]] void throw_inconsistent(const Hdf5Reader& reader, const std::string& what);

/// The dataset has just this shape. `because` is the other side of the comparison ("one row per image").
void require_shape(const Hdf5Reader& reader, std::string_view name, const Shape& expected, std::string_view because);

/// `offsets` begins at 0, never falls and ends at `rows`, the number of rows of `of`.
void require_offsets(const Hdf5Reader& reader, std::string_view name, std::span<const std::int64_t> offsets,
                     std::int64_t rows, std::string_view of);

/// `indices` are not negative and each is larger than the one before.
void require_ascending(const Hdf5Reader& reader, std::string_view name, std::span<const std::int64_t> indices);

/// An integer attribute of `object` between `lowest` and the largest `int`.
[[nodiscard]] int int_attribute(const Hdf5Reader& reader, std::string_view object, std::string_view name, int lowest);

/// No value is infinite or NaN. `place` names the dataset and the file; the first of `values` is in row `first_row`.
void require_finite(std::span<const half> values, std::int64_t row_size, std::int64_t first_row,
                    const std::string& place);
void require_finite(std::span<const float> values, std::int64_t row_size, std::int64_t first_row,
                    const std::string& place);
void require_finite(std::span<const double> values, std::int64_t row_size, std::int64_t first_row,
                    const std::string& place);

}  // namespace datus
