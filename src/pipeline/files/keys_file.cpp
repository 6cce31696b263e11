// SPDX-License-Identifier: Apache-2.0
#include "pipeline/files/keys_file.hpp"

#include "datus/core/error.hpp"
#include "datus/io/atomic_hdf5.hpp"
#include "pipeline/files/dataset_checks.hpp"
#include "pipeline/files/grid_attributes.hpp"
#include "pipeline/files/verified_file.hpp"

#include <span>
#include <type_traits>
#include <utility>

namespace datus {

void create_keys(Hdf5Writer& writer, const Shape& shape, KeyType type) {
  if (type == KeyType::float32) return writer.create<float>("keys", shape, ChunkHint::per_row);
  writer.create<half>("keys", shape, ChunkHint::per_row);
}

void write_key_rows(Hdf5Writer& writer, std::int64_t first, const KeysFile& file) {
  file.keys.visit([&](const auto& values) {
    using Value = typename std::decay_t<decltype(values)>::value_type;
    // Row by row: the disk begins to work before the last one is there.
    const std::size_t row = file.values_per_image();
    for (std::size_t begin = 0; begin < values.size(); begin += row, ++first) {
      writer.write_rows<Value>("keys", first, std::span(values).subspan(begin, row));
    }
  });
}

void write_keys(const std::filesystem::path& path, const KeysFile& file,
                const std::optional<StageProvenance>& provenance, const WriteOptions& options) {
  AtomicHdf5 stored(path, options);
  Hdf5Writer& writer = stored.writer();
  create_keys(writer, {file.size(), file.grid.patches(), file.dim}, file.keys.type());
  write_key_rows(writer, 0, file);
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

KeyValues read_key_rows(const Hdf5Reader& reader, std::int64_t first, std::int64_t count, std::int64_t values) {
  const auto size = static_cast<std::size_t>(values);
  if (reader.dtype("keys") == Dtype::f16) {
    UnfilledVector<half> halves(size);
    reader.read_rows<half>("keys", first, count, halves);
    return KeyValues(std::move(halves));
  }
  std::vector<float> floats(size);
  reader.read_rows_as_float("keys", first, count, floats);
  return KeyValues(std::move(floats));
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
  file.keys = read_key_rows(reader, 0, shape[0], element_count(shape));
  file.cls.resize(static_cast<std::size_t>(shape[0] * file.cls_dim));
  if (file.cls_dim > 0) reader.read_rows_as_float("cls", 0, shape[0], file.cls);
  if (reader.has("valid")) {
    require_shape(reader, "valid", {shape[0], shape[1]}, "one value per patch");
    file.valid = reader.read<std::uint8_t>("valid");
  }
  return file;
}

}  // namespace datus
