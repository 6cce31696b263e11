// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/io/hdf5_types.hpp"
#include "io/hdf5/hdf5_library.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace datus::hdf5 {

/// What a stored type is to datus.
struct StoredType {
  Dtype dtype = Dtype::other;
  std::size_t size = 0;          ///< bytes of an element in the file
  bool variable_length = false;  ///< strings only
};

[[nodiscard]] StoredType stored_type(hid_t type);

/// The little-endian type of numbers of this kind, for files and for memory (which are the same on supported machines).
[[nodiscard]] Handle number_type(const File& file, Dtype dtype);
/// Fixed-length UTF-8 padded with zero bytes. `size` is at least 1.
[[nodiscard]] Handle text_type(const File& file, std::size_t size);

/// "/a/b" for "a/b" and "/a/b".
[[nodiscard]] std::string absolute_name(std::string_view name);

/// An open dataset.
struct Dataset {
  std::string name;
  Handle id;
  Shape shape;
  StoredType type;
  bool is_virtual = false;

  /// Length of the first axis; a scalar is one row.
  [[nodiscard]] std::int64_t rows() const { return shape.empty() ? 1 : shape.front(); }
  /// Elements of one row.
  [[nodiscard]] std::int64_t row_elements() const;
};

enum class ObjectKind { group, dataset, link, other };
struct Object {
  std::string name;
  ObjectKind kind = ObjectKind::other;
  std::string target = {};  ///< where a link leads to, as the file has it
};

/// Every object of the file, "/" first, the members of a group by name. Soft and external links are `link`.
[[nodiscard]] std::vector<Object> list_objects(const File& file);
/// Whether there is an object of this name. A soft link without a target is none; throws `InputError` for a link into a
/// file that cannot be used.
[[nodiscard]] bool has_object(const File& file, const std::string& name);
/// Opens a group or dataset. Throws `InputError` listing the datasets of the file when there is none of that name,
/// or naming the link that leads nowhere.
[[nodiscard]] Handle open_object(const File& file, const std::string& name);
[[nodiscard]] Dataset open_dataset(const File& file, const std::string& name);
/// What the elements of a dataset are, for messages: the name of the type, or for one that datus cannot use a
/// description.
[[nodiscard]] std::string type_name(const File& file, const Dataset& dataset);

/// Rows [first, first + count) in the memory type given. The caller has checked the range.
void read_rows(const File& file, const Dataset& dataset, std::int64_t first, std::int64_t count, hid_t memory_type,
               void* values);
void write_rows(const File& file, const Dataset& dataset, std::int64_t first, std::int64_t count, hid_t memory_type,
                const void* values);

}  // namespace datus::hdf5
