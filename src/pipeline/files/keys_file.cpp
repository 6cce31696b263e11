// SPDX-License-Identifier: Apache-2.0
#include "pipeline/files/keys_file.hpp"

#include "datus/core/error.hpp"
#include "datus/core/half.hpp"
#include "datus/core/parallel.hpp"
#include "datus/io/atomic_hdf5.hpp"
#include "pipeline/files/dataset_checks.hpp"
#include "pipeline/files/grid_attributes.hpp"
#include "pipeline/files/verified_file.hpp"

#include <algorithm>
#include <cmath>
#include <span>

namespace datus {

void round_as_stored(std::vector<float>& values, KeyType type, const std::string& what, std::int64_t row_size,
                     const std::vector<std::string>& row_names, int threads) {
  if (values.empty()) return;
  const auto rows = static_cast<std::int64_t>(values.size()) / row_size;
  // Bytes, not bits: each row has its own, whatever thread writes it.
  std::vector<std::uint8_t> is_finite(static_cast<std::size_t>(rows), 1);
  parallel_for(rows, threads, [&](std::int64_t r) {
    const auto size = static_cast<std::size_t>(row_size);
    const std::span<float> row = std::span(values).subspan(static_cast<std::size_t>(r) * size, size);
    if (type == KeyType::float16) {
      std::vector<half> stored(size);
      to_half(row, stored);
      to_float(stored, row);
    }
    is_finite[static_cast<std::size_t>(r)] = std::ranges::all_of(row, [](float v) { return std::isfinite(v); }) ? 1 : 0;
  });
  const auto bad = std::ranges::find(is_finite, std::uint8_t{0});
  if (bad == is_finite.end()) return;
  throw InputError(
      "An " + what + " of image " + row_names.at(static_cast<std::size_t>(bad - is_finite.begin())) + " is not finite",
      type == KeyType::float16 ? "NaN, or beyond the range of float16" : "NaN or infinite",
      "Check the weights, or set storage.embeddings: float32.");
}

void create_keys(Hdf5Writer& writer, const Shape& shape, KeyType type) {
  if (type == KeyType::float32) return writer.create<float>("keys", shape, ChunkHint::per_row);
  writer.create<half>("keys", shape, ChunkHint::per_row);
}

void write_key_rows(Hdf5Writer& writer, std::int64_t first, const std::vector<float>& keys, KeyType type) {
  if (type == KeyType::float32) return writer.write_rows<float>("keys", first, keys);
  writer.write_rounded_rows("keys", first, keys);
}

void write_keys(const std::filesystem::path& path, const KeysFile& file, KeyType type,
                const std::optional<StageProvenance>& provenance, const WriteOptions& options) {
  AtomicHdf5 stored(path, options);
  Hdf5Writer& writer = stored.writer();
  create_keys(writer, {file.size(), file.grid.patches(), file.dim}, type);
  write_key_rows(writer, 0, file.keys, type);
  if (file.cls_dim > 0) {
    writer.write<float>("cls", file.cls, {file.size(), file.cls_dim}, ChunkHint::about_one_mib);
  }
  if (!file.valid.empty()) writer.write<std::uint8_t>("valid", file.valid, {file.size(), file.grid.patches()});
  write_image_keys(writer, file.images);
  write_grid_attributes(writer, file.grid, file.patch);
  if (!file.preprocessing.empty()) writer.attribute("/", "preprocessing", file.preprocessing);
  if (provenance) write_provenance(writer, *provenance);
  stored.commit();
}

KeysFile read_keys(const std::filesystem::path& path, const std::optional<StageProvenance>& wanted) {
  const auto reader = open_verified(path, wanted);
  KeysFile file;
  const Shape shape = reader.shape("keys", 3);
  file.grid = read_grid_attributes(reader, shape[1]);
  file.dim = checked_cast<int>(shape[2], "The width of /keys");
  if (file.dim < 1) throw_inconsistent(reader, "/keys has the shape " + to_string(shape) + ", where a key has values");
  if (reader.has_attribute("/", "patch")) file.patch = int_attribute(reader, "/", "patch", 1);
  file.images = read_image_keys(reader, shape[0], wanted.has_value());
  if (reader.has("cls")) {
    file.cls_dim = checked_cast<int>(reader.shape("cls", 2)[1], "The width of /cls");
    require_shape(reader, "cls", {shape[0], file.cls_dim}, "one vector per image");
  }
  file.keys.resize(static_cast<std::size_t>(element_count(shape)));
  reader.read_rows_as_float("keys", 0, shape[0], file.keys);
  file.cls.resize(static_cast<std::size_t>(shape[0] * file.cls_dim));
  if (file.cls_dim > 0) reader.read_rows_as_float("cls", 0, shape[0], file.cls);
  if (reader.has("valid")) {
    require_shape(reader, "valid", {shape[0], shape[1]}, "one value per patch");
    file.valid = reader.read<std::uint8_t>("valid");
  }
  return file;
}

}  // namespace datus
