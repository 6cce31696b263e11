// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/hash.hpp"
#include "io/hdf5/hdf5_dataset.hpp"
#include "io/hdf5/hdf5_library.hpp"
#include "io/hdf5/hdf5_virtual.hpp"

#include <cstdint>
#include <span>
#include <string>

namespace datus::hdf5 {

/// The start of a dataset's content hash: type and shape. Its values, row-major and little-endian, are to be added.
[[nodiscard]] Hasher content_hasher(const Shape& shape, const StoredType& type);
[[nodiscard]] inline Hasher content_hasher(const Dataset& dataset) {
  return content_hasher(dataset.shape, dataset.type);
}

/// The content hash of a virtual dataset: type, shape and sources. The values are guarded by the sources' own hashes.
[[nodiscard]] Hash virtual_content_hash(const Dataset& dataset, std::span<const VirtualSource> sources);

/// The content hash of what the file holds now, read in pieces. Takes the library's lock for as long as it needs it:
/// other threads may use the library while this one waits for the disk and hashes.
[[nodiscard]] Hash stored_content_hash(const File& file, const Dataset& dataset);

/// The hash of names, kinds and attributes of all objects of the file (the content hashes are attributes), and of the
/// places that links lead to, but for the attribute that holds it.
[[nodiscard]] Hash record_hash(const File& file);

}  // namespace datus::hdf5
