// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/io/hdf5_types.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace datus {

enum class VerifyResult {
  verified,   ///< complete, and every byte that matters is as it was written
  no_record,  ///< the file carries no `done` record: it is not from datus or not complete, so nothing can be said
};

/// What `Hdf5Reader::verify` does with the source files of virtual datasets.
enum class SourceCheck {
  open,    ///< they exist and have the dataset, with the type and shape expected
  verify,  ///< the same, and each is verified itself
};

/// Reads an HDF5 file, from `Hdf5Writer` or from elsewhere (h5py and others).
///
/// A virtual dataset is read from its sources directly, one open at a time: HDF5 itself returns zeros for a source that
/// cannot be opened, also when merely the limit of open files is reached. Each source must be a whole dataset that
/// fills consecutive rows; other mappings are refused. HDF5 1.10 itself does not survive every damage to the list of
/// sources (it may crash or never return, where damage to ordinary files is an error): prefer the shards, or a fresh
/// virtual file.
///
/// Every function throws `InputError` naming file and object for what is missing, damaged or of another kind than asked
/// for. Objects may be used from any thread: the library is entered by one at a time.
class Hdf5Reader {
 public:
  explicit Hdf5Reader(const std::filesystem::path& path);
  ~Hdf5Reader();
  Hdf5Reader(const Hdf5Reader&) = delete;
  Hdf5Reader& operator=(const Hdf5Reader&) = delete;
  Hdf5Reader(Hdf5Reader&&) noexcept;
  Hdf5Reader& operator=(Hdf5Reader&&) noexcept;

  [[nodiscard]] const std::filesystem::path& path() const noexcept;

  /// Whether there is a dataset or group of this name.
  [[nodiscard]] bool has(std::string_view name) const;
  /// Names of all datasets, in byte order.
  [[nodiscard]] std::vector<std::string> datasets() const;
  /// Names of all soft and external links, in byte order; they may lead nowhere.
  [[nodiscard]] std::vector<std::string> links() const;
  /// Throws `InputError` naming a filter that the values of a dataset, or of a source of it, need and the library does
  /// not have.
  void require_filters(std::string_view name) const;

  [[nodiscard]] Shape shape(std::string_view name) const;
  /// The shape of a dataset that must have `rank` axes, and values that can be read: the library has their filters.
  [[nodiscard]] Shape shape(std::string_view name, int rank) const;
  /// The shape [rows, columns] of a dataset that must be a matrix of floating-point numbers with at least one of each.
  [[nodiscard]] Shape matrix_shape(std::string_view name) const;
  [[nodiscard]] Dtype dtype(std::string_view name) const;
  /// What the elements are, for messages: "f16", "bool", "a compound of x, y".
  [[nodiscard]] std::string type_name(std::string_view name) const;

  /// A whole dataset, row-major; see `read_rows` for the types.
  template <Hdf5Element T>
  [[nodiscard]] std::vector<T> read(std::string_view name) const {
    std::vector<T> values(static_cast<std::size_t>(element_count(shape(name))));
    read_all(name, dtype_of<T>(), std::as_writable_bytes(std::span(values)));
    return values;
  }

  /// The same, compared with the content hash that datus stores with a dataset of that type. Throws `InputError` also
  /// when there is none, or it differs.
  template <Hdf5Element T>
  [[nodiscard]] std::vector<T> read_verified(std::string_view name) const {
    std::vector<T> values = read<T>(name);
    require_content(name, dtype_of<T>(), std::as_bytes(std::span(values)));
    return values;
  }

  /// Rows [first, first + count) into `values`, which must have just their size. A stored type that differs from T is
  /// converted where no value changes: to a wider floating-point type, or between integers with each value checked.
  template <Hdf5Element T>
  void read_rows(std::string_view name, std::int64_t first, std::int64_t count,
                 std::span<std::type_identity_t<T>> values) const {
    read_rows_as(name, dtype_of<T>(), first, count, std::as_writable_bytes(values));
  }

  /// Rows of any floating-point dataset as f32: f16 and f32 exactly, f64 rounded once to nearest even. A finite value
  /// beyond the range of f32 is an error.
  void read_rows_as_float(std::string_view name, std::int64_t first, std::int64_t count, std::span<float> values) const;

  /// [n] strings, of fixed or variable length.
  [[nodiscard]] std::vector<std::string> names(std::string_view name) const;

  [[nodiscard]] bool has_attribute(std::string_view object, std::string_view name) const;
  /// A scalar (or one-element) attribute of a dataset, a group or "/": T is `std::int64_t` (any integer), `double` (any
  /// number) or `std::string` (fixed or variable length).
  template <class T>
  [[nodiscard]] T attribute(std::string_view object, std::string_view name) const;
  /// All attributes of an object but `content_hash` and `done`.
  [[nodiscard]] std::map<std::string, AttributeValue> attributes(std::string_view object) const;

  /// Recomputes the content hash of every dataset that has one, and the record of the whole file. Throws when one
  /// differs. Reads the file once; for virtual datasets, their sources too unless told otherwise.
  VerifyResult verify(SourceCheck sources = SourceCheck::verify) const;

 private:
  struct Impl;
  void read_all(std::string_view name, Dtype dtype, std::span<std::byte> values) const;
  void require_content(std::string_view name, Dtype dtype, std::span<const std::byte> values) const;
  void read_rows_as(std::string_view name, Dtype dtype, std::int64_t first, std::int64_t count,
                    std::span<std::byte> values) const;

  std::unique_ptr<Impl> impl_;
};

template <>
std::int64_t Hdf5Reader::attribute<std::int64_t>(std::string_view object, std::string_view name) const;
template <>
double Hdf5Reader::attribute<double>(std::string_view object, std::string_view name) const;
template <>
std::string Hdf5Reader::attribute<std::string>(std::string_view object, std::string_view name) const;

/// Opens `path`, verifies it including what its virtual datasets refer to, and throws `InputError` unless it is
/// verified: the check of `AtomicHdf5::commit`, and for a file that datus must have written itself.
void require_verified(const std::filesystem::path& path, SourceCheck sources = SourceCheck::verify);

}  // namespace datus
