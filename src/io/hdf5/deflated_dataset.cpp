// SPDX-License-Identifier: Apache-2.0
#include "datus/io/deflated_dataset.hpp"

#include "datus/core/error.hpp"
#include "io/hdf5/hdf5_hashes.hpp"

#include <memory>
#include <string>

#include <libdeflate.h>

namespace datus {
namespace {

/// As for masks in PNGs.
constexpr int deflate_level = 5;

}  // namespace

DeflatedDataset deflate(Dtype dtype, std::span<const std::byte> values, const Shape& shape) {
  struct Free {
    void operator()(libdeflate_compressor* compressor) const { libdeflate_free_compressor(compressor); }
  };
  if (values.empty() || std::ssize(values) != element_count(shape) * size_of(dtype)) {
    throw SystemError("Cannot compress a dataset",
                      std::to_string(values.size()) + " bytes do not fill the shape " + to_string(shape),
                      "Report this as a defect.");
  }
  const std::unique_ptr<libdeflate_compressor, Free> compressor(libdeflate_alloc_compressor(deflate_level));
  if (!compressor) throw SystemError("Cannot compress a dataset", "there is no memory", "");
  DeflatedDataset dataset{dtype, shape, {}, {}};
  dataset.chunk.resize(libdeflate_zlib_compress_bound(compressor.get(), values.size()));
  dataset.chunk.resize(libdeflate_zlib_compress(compressor.get(), values.data(), values.size(), dataset.chunk.data(),
                                                dataset.chunk.size()));
  dataset.chunk.shrink_to_fit();
  Hasher hasher = hdf5::content_hasher(shape, {dtype, static_cast<std::size_t>(size_of(dtype)), false});
  dataset.content = hasher.add_bytes(values).finish();
  return dataset;
}

}  // namespace datus
