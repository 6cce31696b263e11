// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/types.hpp"
#include "datus/io/hdf5_types.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace datus {

struct DeflatedDataset;

/// Writes one HDF5 file whose bytes depend on nothing but the calls made: no times, no paths, no variable-length
/// strings, format fixed to that of HDF5 1.10, every stored byte defined.
///
/// Each dataset gets the attribute `content_hash` (128 bits over type, shape and bytes) and, on `close`, the file gets
/// the root attribute `done` (over all objects, their hashes and their attributes): `Hdf5Reader::verify` checks both. A
/// file without `done` is not complete. Results are written through `AtomicHdf5`, which closes, verifies and commits.
///
/// Names are absolute or relative to the root ("keys" is "/keys"); missing groups on the way are made. Every function
/// throws `SystemError` naming file and object when the disk or the library refuses, when a name is taken, or when
/// values do not fill the shape; with the disk full also the bytes that the datasets made so far need, and those free.
/// After an error of the disk only the destructor may be called. Objects may be used from any thread: the library is
/// entered by one at a time.
class Hdf5Writer {
 public:
  /// Makes the file, replacing what was there.
  explicit Hdf5Writer(const std::filesystem::path& path);
  /// Without `close` the file is abandoned: it has no `done`, and no error is reported.
  ~Hdf5Writer();
  Hdf5Writer(const Hdf5Writer&) = delete;
  Hdf5Writer& operator=(const Hdf5Writer&) = delete;
  Hdf5Writer(Hdf5Writer&&) noexcept;
  Hdf5Writer& operator=(Hdf5Writer&&) noexcept;

  /// Writes a whole dataset, values row-major. An axis may have length 0.
  template <Hdf5Element T>
  void write(std::string_view name, std::span<const std::type_identity_t<T>> values, const Shape& shape,
             ChunkHint chunk = ChunkHint::whole) {
    write_bytes(name, dtype_of<T>(), std::as_bytes(values), shape, chunk);
  }

  /// Makes a dataset whose rows follow by `write_rows`; all of them must have been written before `close`.
  template <Hdf5Element T>
  void create(std::string_view name, const Shape& shape, ChunkHint chunk) {
    create_dataset(name, dtype_of<T>(), shape, chunk);
  }

  /// Writes the rows from `first_row` on, as many as `rows` holds. Rows come in order, without a gap.
  template <Hdf5Element T>
  void write_rows(std::string_view name, std::int64_t first_row, std::span<const std::type_identity_t<T>> rows) {
    write_row_bytes(name, dtype_of<T>(), first_row, std::as_bytes(rows));
  }

  /// Writes [n] fixed-length UTF-8 strings, each padded with zero bytes to the longest.
  void write_names(std::string_view name, std::span<const std::string> names);

  /// Writes a virtual dataset: its rows are those of the sources, in their order, each of shape `row_shape`. Nothing is
  /// copied and the sources are not opened. Their file names must be relative, so that a moved folder still works.
  void write_virtual(std::string_view name, Dtype dtype, const Shape& row_shape,
                     std::span<const VirtualSource> sources);

  /// Writes a whole dataset that was compressed before.
  void write_deflated(std::string_view name, const DeflatedDataset& dataset);

  /// Makes a link to an object of another file, whose path must be relative to the folder of this one. It need not be
  /// there yet.
  void link(std::string_view name, const std::filesystem::path& file, std::string_view object);

  /// Makes a group; nothing happens when this writer has made it already.
  void group(std::string_view name);

  /// Adds an attribute to a dataset, a group or "/". The names `content_hash` and `done` are reserved.
  void attribute(std::string_view object, std::string_view name, const AttributeValue& value);
  template <std::integral T>
  void attribute(std::string_view object, std::string_view name, T value) {
    attribute(object, name, AttributeValue(checked_cast<std::int64_t>(value, "An HDF5 attribute")));
  }
  void attribute(std::string_view object, std::string_view name, double value) {
    attribute(object, name, AttributeValue(value));
  }
  template <std::convertible_to<std::string_view> T>
  void attribute(std::string_view object, std::string_view name, const T& text) {
    attribute(object, name, AttributeValue(std::string(std::string_view(text))));
  }

  /// Writes the attribute `done` and closes the file. It is not synced: that is `AtomicFile::commit`. After `close` or
  /// a failure of it, only the destructor may be called.
  void close();

 private:
  struct Impl;
  void create_dataset(std::string_view name, Dtype dtype, const Shape& shape, ChunkHint chunk);
  void write_row_bytes(std::string_view name, Dtype dtype, std::int64_t first_row, std::span<const std::byte> bytes);
  void write_bytes(std::string_view name, Dtype dtype, std::span<const std::byte> bytes, const Shape& shape,
                   ChunkHint chunk);

  std::unique_ptr<Impl> impl_;
};

}  // namespace datus
