// SPDX-License-Identifier: Apache-2.0
#include "io/hdf5/hdf5_dataset.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace datus::hdf5 {
namespace {

/// Names of the members of a compound or an enumeration.
std::vector<std::string> member_names(hid_t type) {
  std::vector<std::string> names;
  const int count = H5Tget_nmembers(type);
  for (int i = 0; i < count; ++i) {
    char* name = H5Tget_member_name(type, static_cast<unsigned>(i));
    names.emplace_back(name == nullptr ? "?" : name);
    H5free_memory(name);
  }
  return names;
}

std::string listed(const std::vector<std::string>& names) {
  constexpr std::size_t most = 8;
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < most; ++i) text += (i == 0 ? "" : ", ") + names[i];
  return names.size() > most ? text + ", ..." : text;
}

/// As h5py stores Booleans and complex numbers; HDF5 before 2.0 has no types of its own for them.
std::string enumeration_name(hid_t type) {
  const std::vector<std::string> names = member_names(type);
  return names == std::vector<std::string>{"FALSE", "TRUE"} ? "bool" : "an enumeration of " + listed(names);
}

std::string compound_name(hid_t type) {
  const std::vector<std::string> names = member_names(type);
  return names == std::vector<std::string>{"r", "i"} ? "complex" : "a compound of " + listed(names);
}

std::string float_name(hid_t type) {
  std::size_t sign = 0;
  std::size_t exponent = 0;
  std::size_t exponent_bits = 0;
  std::size_t mantissa = 0;
  std::size_t mantissa_bits = 0;
  H5Tget_fields(type, &sign, &exponent, &exponent_bits, &mantissa, &mantissa_bits);
  return "a floating-point type with " + std::to_string(exponent_bits) + " bits of exponent and " +
         std::to_string(mantissa_bits) + " of mantissa";
}

std::string opaque_name(std::size_t size) {
  const std::string name = "opaque, of " + std::to_string(size) + " bytes";
  return size == 2 ? name + " as h5py stores the bfloat16 of JAX," : name;
}

}  // namespace

std::string type_name(const File& file, const Dataset& dataset) {
  if (dataset.type.dtype != Dtype::other) return std::string(to_string(dataset.type.dtype));
  const Handle type = file.own(H5Dget_type(dataset.id.get()), H5Tclose, "read the type of", dataset.name);
  switch (H5Tget_class(type.get())) {
    case H5T_INTEGER:
      return "integers of " + std::to_string(H5Tget_precision(type.get())) + " bits";
    case H5T_FLOAT:
      return float_name(type.get());
    case H5T_ENUM:
      return enumeration_name(type.get());
    case H5T_COMPOUND:
      return compound_name(type.get());
    case H5T_OPAQUE:
      return opaque_name(dataset.type.size);
    case H5T_REFERENCE:
      return "references";
    case H5T_VLEN:
      return "lists of variable length";
    case H5T_ARRAY:
      return "arrays";
    case H5T_BITFIELD:
      return "bit fields";
    default:
      return "other";
  }
}

}  // namespace datus::hdf5
