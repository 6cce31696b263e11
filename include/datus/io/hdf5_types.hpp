// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/half.hpp"

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

namespace datus {

/// Length of each axis, slowest first. The first axis is that of the rows; a scalar has no axis.
using Shape = std::vector<std::int64_t>;

/// "[3, 784, 384]"
[[nodiscard]] std::string to_string(const Shape& shape);

/// Number of elements. Throws `SystemError` for a negative length or a product beyond 64 bits.
[[nodiscard]] std::int64_t element_count(const Shape& shape);

/// What the elements of a stored dataset are. `bf16` (bfloat16: the upper half of an f32) is read and never written;
/// `other` is everything that datus cannot use (compounds, enumerations, …).
enum class Dtype { f16, bf16, f32, f64, i8, i16, i32, i64, u8, u16, u32, u64, text, other };

/// "f16", "i64", "text", …
[[nodiscard]] std::string_view to_string(Dtype dtype) noexcept;
/// Bytes of one number; 0 for `text` and `other`, whose size is a property of the dataset.
[[nodiscard]] std::int64_t size_of(Dtype dtype) noexcept;
[[nodiscard]] bool is_floating(Dtype dtype) noexcept;  ///< f16 to f64, bf16
[[nodiscard]] bool is_integer(Dtype dtype) noexcept;   ///< with and without sign

/// The types that datus writes as numbers.
template <class T>
concept Hdf5Element =
    std::same_as<T, half> || std::same_as<T, float> || std::same_as<T, double> || std::same_as<T, std::int16_t> ||
    std::same_as<T, std::int32_t> || std::same_as<T, std::int64_t> || std::same_as<T, std::uint8_t>;

template <Hdf5Element T>
[[nodiscard]] constexpr Dtype dtype_of() noexcept {  ///< That of a C++ type.
  if constexpr (std::same_as<T, half>) return Dtype::f16;
  if constexpr (std::same_as<T, float>) return Dtype::f32;
  if constexpr (std::same_as<T, double>) return Dtype::f64;
  if constexpr (std::same_as<T, std::int16_t>) return Dtype::i16;
  if constexpr (std::same_as<T, std::int32_t>) return Dtype::i32;
  if constexpr (std::same_as<T, std::int64_t>) return Dtype::i64;
  return Dtype::u8;
}

/// How a dataset is cut into the pieces in which HDF5 stores it.
enum class ChunkHint {
  whole,          ///< one piece: for small datasets
  per_row,        ///< one row each, for example one image of [images, rows, cols]
  deflated,       ///< one piece, compressed as gzip does: for masks
  about_one_mib,  ///< as many rows as fit in 1 MiB, at least one: for long matrices
};

/// What an attribute holds.
using AttributeValue = std::variant<std::int64_t, double, std::string>;

/// One source of a virtual dataset: all rows of a dataset of another file.
struct VirtualSource {
  std::string file;     ///< relative to the folder of the virtual file
  std::string dataset;  ///< for example "/keys"
  std::int64_t rows = 0;
};

/// Whether a file has, by its name, the ending of an HDF5 file: .h5 or .hdf5, in letters of either case.
[[nodiscard]] bool has_hdf5_extension(const std::filesystem::path& file);

/// A dataset or group of a file, written FILE.h5:/NAME on the command line.
struct DatasetPath {
  std::filesystem::path file;
  std::string dataset;
};

/// Splits at the last ":/", for file names may hold colons; without one the whole text is the file and the dataset is
/// `default_dataset`. Throws `UsageError` when the file or the dataset is empty.
[[nodiscard]] DatasetPath parse_dataset_path(std::string_view text, std::string_view default_dataset);

}  // namespace datus
