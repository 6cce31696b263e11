// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/comm/communicator.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace datus::bench {

/// f32 values [first, first + count) of a raw file in the machine's byte order. Throws `InputError` when it is shorter.
[[nodiscard]] std::vector<float> read_values(const std::string& file, std::int64_t first, std::int64_t count);

/// Rows [begin, end) of a matrix of unit-length rows between pairs of 64 random directions, with noise, so that k-means
/// takes a while to settle. The same for any share.
[[nodiscard]] std::vector<float> make_rows(Share share, int dim);

}  // namespace datus::bench
