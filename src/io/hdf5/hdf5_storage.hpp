// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "io/hdf5/hdf5_dataset.hpp"
#include "io/hdf5/hdf5_library.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>

namespace datus::hdf5 {

/// Throws `InputError` unless the file can hold all that the dataset's shape promises. Memory is taken by the shape, so
/// one that is damaged must be found before; and for chunks that were never written the library would give zeros.
/// Nothing but the layout and the index of the chunks is read. Not for virtual datasets, which store nothing.
/// Compressed chunks of more than 512 MiB are refused as well: a small file would fill the memory.
void require_stored(const File& file, const Dataset& dataset);

/// Memory for chunks, where another size is better than the library's usual 1 MiB. For compressed chunks, that of those
/// which hold a row, so that none is unpacked anew for each of its rows, unless that is more than 512 MiB. None for
/// chunks that are one row each, as they are in memory: keeping one would cost a copy.
[[nodiscard]] std::optional<std::size_t> chunk_cache_bytes(const File& file, const Dataset& dataset);

/// Bytes of the file that the dataset is in: another one behind an external link.
[[nodiscard]] std::uintmax_t holder_bytes(const File& file, const Dataset& dataset);

}  // namespace datus::hdf5
