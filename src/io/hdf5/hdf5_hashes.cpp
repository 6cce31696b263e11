// SPDX-License-Identifier: Apache-2.0
#include "io/hdf5/hdf5_hashes.hpp"

#include "io/hdf5/hdf5_attribute.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <variant>
#include <vector>

namespace datus::hdf5 {
namespace {

/// Bytes that are read and hashed at a time.
constexpr std::int64_t piece_bytes = std::int64_t{4} << 20;

void add_value(Hasher& hasher, const AttributeValue& value) {
  hasher.add(static_cast<std::int64_t>(value.index()));
  if (const auto* integer = std::get_if<std::int64_t>(&value)) hasher.add(*integer);
  if (const auto* number = std::get_if<double>(&value)) hasher.add(std::bit_cast<std::int64_t>(*number));
  if (const auto* text = std::get_if<std::string>(&value)) hasher.add(*text);
}

void add_attributes(Hasher& hasher, const File& file, const Object& object) {
  const Handle id = open_object(file, object.name);
  const Owner owner{id.get(), object.name};
  for (const std::string& name : list_attributes(file, owner)) {
    if (object.name == "/" && name == done_name) continue;
    hasher.add("attribute").add(name);
    add_value(hasher, read_attribute(file, owner, name));
  }
}

/// Rows as they are in the file, or, where that has them in another form, as they are in memory. The library is not
/// held while the bytes come.
void read_piece(const File& file, const Dataset& dataset, std::int64_t first, std::int64_t count,
                std::span<std::byte> piece) {
  std::vector<Transfer> transfers;
  {
    const LibraryLock lock;
    const bool is_text = dataset.type.dtype == Dtype::text;
    const Handle type = is_text ? text_type(file, dataset.type.size) : number_type(file, dataset.type.dtype);
    const Handle stored = file.own(H5Dget_type(dataset.id.get()), H5Tclose, "read the type of", dataset.name);
    const auto read = [&] { read_rows(file, dataset, first, count, type.get(), piece.data()); };
    if (file.check(H5Tequal(type.get(), stored.get()), "read the type of", dataset.name) == 0) return read();
    transfers = file.note_transfers(piece, read);
  }
  file.read(transfers, piece, dataset.name);
}

}  // namespace

Hasher content_hasher(const Shape& shape, const StoredType& type) {
  Hasher hasher;
  hasher.add(to_string(type.dtype)).add(static_cast<std::int64_t>(type.size));
  hasher.add(static_cast<std::int64_t>(shape.size()));
  for (const std::int64_t length : shape) hasher.add(length);
  return hasher;
}

Hash virtual_content_hash(const Dataset& dataset, std::span<const VirtualSource> sources) {
  Hasher hasher = content_hasher(dataset);
  for (const VirtualSource& source : sources) {
    if (source.rows > 0) hasher.add(source.file).add(source.dataset).add(source.rows);
  }
  return hasher.finish();
}

Hash stored_content_hash(const File& file, const Dataset& dataset) {
  Hasher hasher = content_hasher(dataset);
  const std::int64_t row_bytes = dataset.row_elements() * static_cast<std::int64_t>(dataset.type.size);
  if (row_bytes == 0) return hasher.finish();
  const std::int64_t piece_rows = std::min(dataset.rows(), std::max<std::int64_t>(1, piece_bytes / row_bytes));
  std::vector<std::byte> memory(static_cast<std::size_t>(piece_rows * row_bytes));
  for (std::int64_t first = 0; first < dataset.rows(); first += piece_rows) {
    const std::int64_t count = std::min(piece_rows, dataset.rows() - first);
    const auto piece = std::span(memory).first(static_cast<std::size_t>(count * row_bytes));
    read_piece(file, dataset, first, count, piece);
    hasher.add_bytes(piece);
  }
  return hasher.finish();
}

Hash record_hash(const File& file) {
  std::vector<Object> objects = list_objects(file);
  std::sort(objects.begin(), objects.end(), [](const Object& a, const Object& b) { return a.name < b.name; });
  Hasher hasher;
  for (const Object& object : objects) {
    hasher.add("object").add(object.name).add(static_cast<std::int64_t>(object.kind));
    if (object.kind == ObjectKind::group || object.kind == ObjectKind::dataset) add_attributes(hasher, file, object);
    if (object.kind == ObjectKind::link) hasher.add(object.target);
  }
  return hasher.finish();
}

}  // namespace datus::hdf5
