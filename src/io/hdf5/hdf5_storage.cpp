// SPDX-License-Identifier: Apache-2.0
#include "io/hdf5/hdf5_storage.hpp"

#include "datus/core/error.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace datus::hdf5 {
namespace {

constexpr const char* action = "read the layout of";

[[noreturn]] void fail_not_stored(const File& file, const Dataset& dataset, const std::string& why) {
  throw InputError("Cannot use " + dataset.name + " of " + file.path().string(),
                   "its shape is " + to_string(dataset.shape) + ", " + why,
                   "The file is damaged, or was never filled: make it again.");
}

/// Nothing when 64 bits do not suffice.
std::optional<std::int64_t> product(const std::vector<std::int64_t>& factors) {
  std::int64_t result = 1;
  for (const std::int64_t factor : factors) {
    if (__builtin_mul_overflow(result, factor, &result)) return std::nullopt;
  }
  return result;
}

/// The shape of a chunk; empty for a dataset that is stored in one run of bytes.
Shape chunk_shape(const File& file, const Dataset& dataset, const Handle& creation) {
  if (file.check(H5Pget_layout(creation.get()), action, dataset.name) != H5D_CHUNKED) return {};
  std::vector<hsize_t> lengths(dataset.shape.size());
  file.check(H5Pget_chunk(creation.get(), static_cast<int>(lengths.size()), lengths.data()), action, dataset.name);
  return {lengths.begin(), lengths.end()};
}

/// Chunks along each axis.
Shape chunks_per_axis(const Shape& shape, const Shape& chunk) {
  Shape counts;
  for (std::size_t axis = 0; axis < chunk.size(); ++axis) {
    counts.push_back((shape[axis] - 1) / std::max<std::int64_t>(chunk[axis], 1) + 1);
  }
  return counts;
}

/// The file that the dataset is in: another one behind an external link.
std::filesystem::path holder_of(const File& file, const Dataset& dataset) {
  const ssize_t size = file.check(H5Fget_name(dataset.id.get(), nullptr, 0), action, dataset.name);
  std::string path(static_cast<std::size_t>(size) + 1, '\0');
  file.check(H5Fget_name(dataset.id.get(), path.data(), path.size()), action, dataset.name);
  path.pop_back();
  return path;
}

/// Values in plain files beside: the library looks for these in the working folder, and gives zeros where one ends.
void require_own_storage(const File& file, const Dataset& dataset, const Handle& creation) {
  if (file.check(H5Pget_external_count(creation.get()), action, dataset.name) == 0) return;
  std::array<char, 256> name{};
  file.check(H5Pget_external(creation.get(), 0, name.size() - 1, name.data(), nullptr, nullptr), action, dataset.name);
  throw InputError("Cannot use " + dataset.name + " of " + file.path().string(),
                   std::string("its values are not in it, but in the file ") + name.data() + " (external storage)",
                   "Store a copy of the values in an HDF5 file.");
}

/// Throws when the file is too short for the dataset. Chunks that stick out of the shape are stored whole, and a
/// compressed one takes at least a byte, whatever its size in memory.
void require_room(const File& file, const Dataset& dataset, const Handle& creation, const Shape& chunk,
                  const Shape& counts) {
  const std::uintmax_t file_bytes = holder_bytes(file, dataset);
  std::vector<std::int64_t> factors = chunk.empty() ? dataset.shape : counts;
  if (file.check(H5Pget_nfilters(creation.get()), action, dataset.name) == 0) {
    factors.insert(factors.end(), chunk.begin(), chunk.end());
    factors.push_back(static_cast<std::int64_t>(dataset.type.size));
  }
  const std::optional<std::int64_t> least = product(factors);
  if (least && *least <= static_cast<std::int64_t>(file_bytes)) return;
  fail_not_stored(file, dataset, "which does not fit into the " + std::to_string(file_bytes) + " bytes of the file");
}

/// The most that the compressed chunks of some rows may take in memory.
constexpr std::int64_t most_bytes = std::int64_t{512} << 20;

/// The library unpacks a compressed chunk as a whole, whatever part of it is read.
void require_moderate_chunks(const File& file, const Dataset& dataset, const Handle& creation, const Shape& chunk) {
  if (chunk.empty() || file.check(H5Pget_nfilters(creation.get()), action, dataset.name) == 0) return;
  std::vector<std::int64_t> factors = chunk;
  factors.push_back(static_cast<std::int64_t>(dataset.type.size));
  const std::optional<std::int64_t> bytes = product(factors);
  if (bytes && *bytes <= most_bytes) return;
  throw InputError("Cannot use " + dataset.name + " of " + file.path().string(),
                   "its compressed chunks have the shape " + to_string(chunk) +
                       ", each of which takes more than 512 MiB of memory to read",
                   "Store it in smaller ones: h5repack -l CHUNK=… FILE NEW, or h5py with chunks=True.");
}

}  // namespace

std::optional<std::size_t> chunk_cache_bytes(const File& file, const Dataset& dataset) {
  constexpr std::int64_t usual = std::int64_t{1} << 20;  // the library's own
  const Handle creation = file.own(H5Dget_create_plist(dataset.id.get()), H5Pclose, action, dataset.name);
  const Shape chunk = chunk_shape(file, dataset, creation);
  if (chunk.empty()) return std::nullopt;
  if (file.check(H5Pget_nfilters(creation.get()), action, dataset.name) == 0) {
    Shape row = dataset.shape;
    row.front() = 1;
    return chunk == row ? std::optional<std::size_t>(0) : std::nullopt;
  }
  Shape factors = chunk;
  for (std::size_t axis = 1; axis < chunk.size(); ++axis) {
    factors[axis] *= (dataset.shape[axis] + chunk[axis] - 1) / std::max<std::int64_t>(chunk[axis], 1);
  }
  factors.push_back(static_cast<std::int64_t>(dataset.type.size));
  const std::int64_t bytes = product(factors).value_or(0);
  return bytes > usual && bytes <= most_bytes ? std::optional(static_cast<std::size_t>(bytes)) : std::nullopt;
}

std::uintmax_t holder_bytes(const File& file, const Dataset& dataset) {
  return std::filesystem::file_size(holder_of(file, dataset));
}

void require_stored(const File& file, const Dataset& dataset) {
  if (std::ranges::any_of(dataset.shape, [](std::int64_t length) { return length < 0; })) {
    fail_not_stored(file, dataset, "of which a length needs more than 63 bits");
  }
  if (std::ranges::find(dataset.shape, 0) != dataset.shape.end()) return;
  const Handle creation = file.own(H5Dget_create_plist(dataset.id.get()), H5Pclose, action, dataset.name);
  require_own_storage(file, dataset, creation);
  const Shape chunk = chunk_shape(file, dataset, creation);
  const Shape counts = chunks_per_axis(dataset.shape, chunk);
  // First, for the index of a dataset that promises too much is too long to be walked through.
  require_room(file, dataset, creation, chunk, counts);
  require_moderate_chunks(file, dataset, creation, chunk);
  if (chunk.empty()) return;
  const Handle space = file.own(H5Dget_space(dataset.id.get()), H5Sclose, action, dataset.name);
  hsize_t stored = 0;
  file.check(H5Dget_num_chunks(dataset.id.get(), space.get(), &stored), "count the chunks of", dataset.name);
  const std::int64_t expected = *product(counts);
  if (stored == static_cast<hsize_t>(expected)) return;
  fail_not_stored(file, dataset,
                  "and " + std::to_string(stored) + " of its " + std::to_string(expected) + " chunks were written");
}

}  // namespace datus::hdf5
