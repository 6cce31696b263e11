// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace datus::bench {

/// Processor seconds that all threads of this program have spent while they held a recursive mutex, since it began. The
/// only one is the lock of the HDF5 library.
[[nodiscard]] double seconds_inside_the_lock();

}  // namespace datus::bench
