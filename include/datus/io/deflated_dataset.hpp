// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/hash.hpp"
#include "datus/io/hdf5_types.hpp"

#include <cstddef>
#include <span>
#include <type_traits>
#include <vector>

namespace datus {

/// A dataset as `ChunkHint::deflated` stores it, for `Hdf5Writer::write_deflated`. It is made without the HDF5 library,
/// which is entered by one thread at a time: so many threads can compress at once.
struct DeflatedDataset {
  Dtype dtype = Dtype::u8;
  Shape shape;
  std::vector<std::byte> chunk;  ///< all values, in zlib's format
  Hash content;                  ///< over type, shape and values
};

/// Compresses values, row-major, of that dtype. Throws `SystemError` when they do not fill the shape, when it is empty,
/// or when there is no memory.
[[nodiscard]] DeflatedDataset deflate(Dtype dtype, std::span<const std::byte> values, const Shape& shape);

template <Hdf5Element T>
[[nodiscard]] DeflatedDataset deflate(std::span<const T> values, const Shape& shape) {
  return deflate(dtype_of<T>(), std::as_bytes(values), shape);
}

}  // namespace datus
