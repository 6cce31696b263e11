// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/io/hdf5_types.hpp"
#include "io/hdf5/hdf5_library.hpp"

#include <string>
#include <vector>

namespace datus::hdf5 {

/// The hash of a dataset's type, shape and values, an attribute of the dataset.
inline constexpr const char* content_hash_name = "content_hash";
/// The hash of everything in the file, an attribute of the root.
inline constexpr const char* done_name = "done";

/// An object whose attributes are meant, and its name for messages.
struct Owner {
  hid_t id;
  std::string name;
};

void write_attribute(const File& file, const Owner& owner, const std::string& name, const AttributeValue& value);

/// These throw `InputError` for an object whose attributes take more than 16 MiB.
[[nodiscard]] bool has_attribute(const File& file, const Owner& owner, const std::string& name);
/// Names of all attributes, in byte order.
[[nodiscard]] std::vector<std::string> list_attributes(const File& file, const Owner& owner);
/// Any integer as int64, any floating-point number as double, any string. Throws `InputError` for other types, for more
/// than one element and for an integer beyond int64.
[[nodiscard]] AttributeValue read_attribute(const File& file, const Owner& owner, const std::string& name);

}  // namespace datus::hdf5
