// SPDX-License-Identifier: Apache-2.0
#include "io/hdf5/hdf5_attribute.hpp"

#include "datus/core/error.hpp"
#include "datus/core/text.hpp"
#include "io/hdf5/hdf5_dataset.hpp"
#include "io/hdf5/hdf5_object_info.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <new>

namespace datus::hdf5 {
namespace {

std::string label(const Owner& owner, const std::string& name) {
  return "attribute " + name + " of " + owner.name;
}

/// A C function: no exception may pass.
herr_t keep_name(hid_t, const char* name, const H5A_info_t*, void* names) noexcept {
  try {
    static_cast<std::vector<std::string>*>(names)->emplace_back(name);
  } catch (const std::bad_alloc&) {
    return -1;
  }
  return 0;
}

[[noreturn]] void fail_kind(const File& file, const std::string& what, const std::string& why) {
  throw InputError("Cannot use " + what + " in " + file.path().string(), why, "Store one number or one string.");
}

/// The library reads all of an attribute to look at it, and all of them to list their names. Those in the header of the
/// object are small, and it is read anyway; those that lie elsewhere may be as large as the file.
void require_moderate_attributes(const File& file, const Owner& owner) {
  constexpr hsize_t most_bytes = hsize_t{16} << 20U;
  constexpr std::uint64_t in_header = std::uint64_t{1}
                                      << 12U;  // the library's number of a message that is an attribute
  const auto info = object_info(file, owner, H5O_INFO_NUM_ATTRS | H5O_INFO_HDR);
  if (info.num_attrs == 0 || (info.hdr.mesg.present & in_header) != 0) return;
  const hsize_t bytes = object_info(file, owner, H5O_INFO_META_SIZE).meta_size.attr.heap_size;
  if (bytes <= most_bytes) return;
  throw InputError(
      "Cannot read the attributes of " + owner.name + " of " + file.path().string(),
      "they take " + size_text(static_cast<std::int64_t>(bytes)) + ", and 16 MiB are the most that is read",
      "Store large values as datasets.");
}

struct OpenAttribute {
  Handle id;
  Handle space;
  Handle type;
};

OpenAttribute open_attribute(const File& file, const Owner& owner, const std::string& name) {
  const std::string what = label(owner, name);
  if (!has_attribute(file, owner, name)) {
    throw InputError(owner.name + " of " + file.path().string() + " has no attribute " + name,
                     "whoever wrote the file left it out", "Add it, or make the file anew.");
  }
  OpenAttribute attribute;
  attribute.id = file.own(H5Aopen(owner.id, name.c_str(), H5P_DEFAULT), H5Aclose, "open", what);
  attribute.space = file.own(H5Aget_space(attribute.id.get()), H5Sclose, "read", what);
  attribute.type = file.own(H5Aget_type(attribute.id.get()), H5Tclose, "read", what);
  if (file.check(H5Sget_simple_extent_npoints(attribute.space.get()), "read", what) != 1) {
    fail_kind(file, what, "it does not hold one element");
  }
  return attribute;
}

std::string read_fixed_text(const File& file, const OpenAttribute& attribute, std::size_t size,
                            const std::string& what) {
  std::string text(size, '\0');
  file.check(H5Aread(attribute.id.get(), attribute.type.get(), text.data()), "read", what);
  text.resize(std::min(text.size(), text.find('\0')));
  if (H5Tget_strpad(attribute.type.get()) == H5T_STR_SPACEPAD) text.resize(text.find_last_not_of(' ') + 1);
  return text;
}

std::string read_variable_text(const File& file, const OpenAttribute& attribute, const std::string& what) {
  char* stored = nullptr;
  file.check(H5Aread(attribute.id.get(), attribute.type.get(), static_cast<void*>(&stored)), "read", what);
  std::string text = stored == nullptr ? "" : stored;
  file.check(H5Dvlen_reclaim(attribute.type.get(), attribute.space.get(), H5P_DEFAULT, static_cast<void*>(&stored)),
             "read", what);
  return text;
}

template <class T>
T read_number(const File& file, const OpenAttribute& attribute, Dtype memory, const std::string& what) {
  T value{};
  const Handle type = number_type(file, memory);
  file.check(H5Aread(attribute.id.get(), type.get(), &value), "read", what);
  return value;
}

}  // namespace

void write_attribute(const File& file, const Owner& owner, const std::string& name, const AttributeValue& value) {
  const std::string what = label(owner, name);
  Handle type;
  std::string text;
  const void* source = nullptr;
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    type = number_type(file, Dtype::i64);
    source = integer;
  } else if (const auto* number = std::get_if<double>(&value)) {
    type = number_type(file, Dtype::f64);
    source = number;
  } else {
    text = std::get<std::string>(value);
    if (text.find('\0') != std::string::npos) {
      throw SystemError("Cannot write " + what + " of " + file.path().string(), "the text holds a zero byte",
                        "Report this as a defect.");
    }
    type = text_type(file, std::max<std::size_t>(text.size(), 1));
    source = text.c_str();
  }
  const Handle space = file.own(H5Screate(H5S_SCALAR), H5Sclose, "write", what);
  const Handle creation = file.own(H5Pcreate(H5P_ATTRIBUTE_CREATE), H5Pclose, "write", what);
  file.check(H5Pset_char_encoding(creation.get(), H5T_CSET_UTF8), "write", what);
  const Handle attribute =
      file.own(H5Acreate2(owner.id, name.c_str(), type.get(), space.get(), creation.get(), H5P_DEFAULT), H5Aclose,
               "write", what);
  file.check(H5Awrite(attribute.get(), type.get(), source), "write", what);
}

bool has_attribute(const File& file, const Owner& owner, const std::string& name) {
  require_moderate_attributes(file, owner);
  return file.check(H5Aexists(owner.id, name.c_str()), "look up", label(owner, name)) > 0;
}

std::vector<std::string> list_attributes(const File& file, const Owner& owner) {
  require_moderate_attributes(file, owner);
  std::vector<std::string> names;
  file.check(H5Aiterate2(owner.id, H5_INDEX_NAME, H5_ITER_INC, nullptr, keep_name, &names), "list the attributes of",
             owner.name);
  std::sort(names.begin(), names.end());
  return names;
}

AttributeValue read_attribute(const File& file, const Owner& owner, const std::string& name) {
  const std::string what = label(owner, name);
  const OpenAttribute attribute = open_attribute(file, owner, name);
  const StoredType type = stored_type(attribute.type.get());
  if (type.dtype == Dtype::text) {
    return type.variable_length ? read_variable_text(file, attribute, what)
                                : read_fixed_text(file, attribute, type.size, what);
  }
  if (is_floating(type.dtype)) return read_number<double>(file, attribute, Dtype::f64, what);
  if (!is_integer(type.dtype)) fail_kind(file, what, "it is neither a number nor a string");
  if (type.dtype == Dtype::u64) {
    const auto value = read_number<std::uint64_t>(file, attribute, Dtype::u64, what);
    if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      fail_kind(file, what, "the value " + std::to_string(value) + " needs more than 63 bits");
    }
    return static_cast<std::int64_t>(value);
  }
  return read_number<std::int64_t>(file, attribute, Dtype::i64, what);
}

}  // namespace datus::hdf5
