// SPDX-License-Identifier: Apache-2.0
#include "datus/core/error.hpp"
#include "io/hdf5/hdf5_dataset.hpp"

#include <array>

namespace datus::hdf5 {
namespace {

constexpr std::string_view make_type = "make a type for";

/// Where the parts of a floating-point number lie, in bits.
struct FloatLayout {
  std::size_t sign;
  std::size_t exponent;
  std::size_t exponent_bits;
  std::size_t mantissa_bits;
  std::size_t bias;
  friend bool operator==(const FloatLayout&, const FloatLayout&) = default;
};

constexpr FloatLayout half_layout{15, 10, 5, 10, 15};
constexpr FloatLayout brain_layout{15, 7, 8, 7, 127};
constexpr FloatLayout single_layout{31, 23, 8, 23, 127};
constexpr FloatLayout double_layout{63, 52, 11, 52, 1023};

Dtype floating_type(hid_t type, std::size_t size) {
  FloatLayout layout{};
  std::size_t mantissa = 0;
  if (H5Tget_fields(type, &layout.sign, &layout.exponent, &layout.exponent_bits, &mantissa, &layout.mantissa_bits) <
      0) {
    return Dtype::other;
  }
  layout.bias = H5Tget_ebias(type);
  if (mantissa != 0 || H5Tget_norm(type) != H5T_NORM_IMPLIED) return Dtype::other;
  if (size == 2 && layout == half_layout) return Dtype::f16;
  if (size == 2 && layout == brain_layout) return Dtype::bf16;
  if (size == 4 && layout == single_layout) return Dtype::f32;
  if (size == 8 && layout == double_layout) return Dtype::f64;
  return Dtype::other;
}

Dtype integer_type(hid_t type, std::size_t size) {
  if (H5Tget_precision(type) != 8 * size) return Dtype::other;
  const bool is_signed = H5Tget_sign(type) != H5T_SGN_NONE;
  switch (size) {
    case 1:
      return is_signed ? Dtype::i8 : Dtype::u8;
    case 2:
      return is_signed ? Dtype::i16 : Dtype::u16;
    case 4:
      return is_signed ? Dtype::i32 : Dtype::u32;
    case 8:
      return is_signed ? Dtype::i64 : Dtype::u64;
    default:
      return Dtype::other;
  }
}

/// The library's own type of this kind; f16 has none before HDF5 1.14.4, nor bf16 before 2.0, so they
/// start from f32.
hid_t predefined_type(Dtype dtype) {
  switch (dtype) {
    case Dtype::f16:
    case Dtype::bf16:
    case Dtype::f32:
      return H5T_IEEE_F32LE;
    case Dtype::f64:
      return H5T_IEEE_F64LE;
    case Dtype::i8:
      return H5T_STD_I8LE;
    case Dtype::i16:
      return H5T_STD_I16LE;
    case Dtype::i32:
      return H5T_STD_I32LE;
    case Dtype::i64:
      return H5T_STD_I64LE;
    case Dtype::u8:
      return H5T_STD_U8LE;
    case Dtype::u16:
      return H5T_STD_U16LE;
    case Dtype::u32:
      return H5T_STD_U32LE;
    case Dtype::u64:
      return H5T_STD_U64LE;
    case Dtype::text:
    case Dtype::other:
      break;
  }
  throw SystemError("Cannot store numbers of type " + std::string(to_string(dtype)), "it is not a type of numbers",
                    "Report this as a defect.");
}

/// Makes a floating-point type of 16 bits out of a longer one.
void set_layout(const File& file, const Handle& type, const FloatLayout& layout) {
  constexpr std::string_view numbers = "numbers of 16 bits";
  // The fields move before the size shrinks: they must lie inside the type at every step.
  file.check(H5Tset_fields(type.get(), layout.sign, layout.exponent, layout.exponent_bits, 0, layout.mantissa_bits),
             make_type, numbers);
  file.check(H5Tset_size(type.get(), 2), make_type, numbers);
  file.check(H5Tset_ebias(type.get(), layout.bias), make_type, numbers);
}

}  // namespace

StoredType stored_type(hid_t type) {
  const std::size_t size = H5Tget_size(type);
  switch (H5Tget_class(type)) {
    case H5T_INTEGER:
      return {integer_type(type, size), size, false};
    case H5T_FLOAT:
      return {floating_type(type, size), size, false};
    case H5T_STRING:
      return {Dtype::text, size, H5Tis_variable_str(type) > 0};
    default:
      return {Dtype::other, size, false};
  }
}

Handle number_type(const File& file, Dtype dtype) {
  Handle type = file.own(H5Tcopy(predefined_type(dtype)), H5Tclose, make_type, "numbers");
  if (dtype == Dtype::f16) set_layout(file, type, half_layout);
  if (dtype == Dtype::bf16) set_layout(file, type, brain_layout);
  return type;
}

Handle text_type(const File& file, std::size_t size) {
  Handle type = file.own(H5Tcopy(H5T_C_S1), H5Tclose, make_type, "text");
  file.check(H5Tset_size(type.get(), size), make_type, "text");
  file.check(H5Tset_strpad(type.get(), H5T_STR_NULLPAD), make_type, "text");
  file.check(H5Tset_cset(type.get(), H5T_CSET_UTF8), make_type, "text");
  return type;
}

}  // namespace datus::hdf5
