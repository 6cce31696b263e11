// SPDX-License-Identifier: Apache-2.0
#include "io/hdf5/hdf5_deflated.hpp"

#include "datus/core/error.hpp"
#include "io/disk/zlib_stream.hpp"

#include <algorithm>
#include <cstdint>

namespace datus::hdf5 {

std::vector<std::byte> stored_chunk(const File& file, const Dataset& dataset) {
  if (dataset.is_virtual || dataset.shape.empty() || element_count(dataset.shape) == 0) return {};
  if (!is_integer(dataset.type.dtype) && !is_floating(dataset.type.dtype)) return {};
  // Files from elsewhere may have the other order of bytes.
  const Handle type = file.own(H5Dget_type(dataset.id.get()), H5Tclose, "read the type of", dataset.name);
  if (H5Tequal(type.get(), number_type(file, dataset.type.dtype).get()) <= 0) return {};
  const Handle creation = file.own(H5Dget_create_plist(dataset.id.get()), H5Pclose, "read the layout of", dataset.name);
  if (H5Pget_layout(creation.get()) != H5D_CHUNKED || H5Pget_nfilters(creation.get()) != 1) return {};
  unsigned flags = 0;
  std::size_t values = 0;
  if (H5Pget_filter2(creation.get(), 0, &flags, &values, nullptr, 0, nullptr, nullptr) != H5Z_FILTER_DEFLATE) return {};
  std::vector<hsize_t> lengths(dataset.shape.size());
  const int rank = H5Pget_chunk(creation.get(), static_cast<int>(lengths.size()), lengths.data());
  if (rank != static_cast<int>(lengths.size()) ||
      !std::ranges::equal(lengths, dataset.shape, [](hsize_t a, auto b) { return a == static_cast<hsize_t>(b); })) {
    return {};
  }
  const std::vector<hsize_t> first(lengths.size(), 0);
  hsize_t bytes = 0;
  if (H5Dget_chunk_storage_size(dataset.id.get(), first.data(), &bytes) < 0 || bytes == 0) return {};
  // Never more than zlib makes of what cannot be compressed: a damaged size must not ask for all memory.
  const auto raw = element_count(dataset.shape) * static_cast<std::int64_t>(dataset.type.size);
  if (bytes > static_cast<hsize_t>(raw + raw / 1000 + 64)) return {};
  std::vector<std::byte> chunk(bytes);
  std::uint32_t filters_left_out = 0;
  file.check(H5Dread_chunk(dataset.id.get(), H5P_DEFAULT, first.data(), &filters_left_out, chunk.data()), "read",
             dataset.name);
  if (filters_left_out != 0) return {};
  return chunk;
}

void inflate(const std::string& name, const std::filesystem::path& file, std::span<const std::byte> chunk,
             std::span<std::byte> values) {
  if (io_detail::inflate(chunk, values)) return;
  throw InputError("Cannot read " + name + " of " + file.string(), "what is compressed there is damaged",
                   "Make the file anew.");
}

}  // namespace datus::hdf5
