// SPDX-License-Identifier: Apache-2.0
#include "datus/io/hdf5_types.hpp"

#include "datus/core/error.hpp"
#include "datus/core/names.hpp"

#include <array>
#include <cstddef>

namespace datus {
namespace {

struct DtypeFacts {
  std::string_view name;
  std::int64_t size;
};

/// In the order of the enumeration.
constexpr std::array<DtypeFacts, 14> facts{{{"f16", 2},
                                            {"bf16", 2},
                                            {"f32", 4},
                                            {"f64", 8},
                                            {"i8", 1},
                                            {"i16", 2},
                                            {"i32", 4},
                                            {"i64", 8},
                                            {"u8", 1},
                                            {"u16", 2},
                                            {"u32", 4},
                                            {"u64", 8},
                                            {"text", 0},
                                            {"other", 0}}};

}  // namespace

std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (const std::int64_t length : shape) {
    if (text.size() > 1) text += ", ";
    text += std::to_string(length);
  }
  return text + "]";
}

std::int64_t element_count(const Shape& shape) {
  std::int64_t count = 1;
  for (const std::int64_t length : shape) {
    if (length < 0 || __builtin_mul_overflow(count, length, &count)) {
      throw SystemError("The shape " + to_string(shape) + " cannot be stored",
                        "a length is negative or the number of elements needs more than 64 bits", "Check the sizes.");
    }
  }
  return count;
}

std::string_view to_string(Dtype dtype) noexcept {
  return facts[static_cast<std::size_t>(dtype)].name;
}

std::int64_t size_of(Dtype dtype) noexcept {
  return facts[static_cast<std::size_t>(dtype)].size;
}

bool is_floating(Dtype dtype) noexcept {
  return dtype == Dtype::f16 || dtype == Dtype::bf16 || dtype == Dtype::f32 || dtype == Dtype::f64;
}

bool is_integer(Dtype dtype) noexcept {
  return size_of(dtype) > 0 && !is_floating(dtype);
}

bool has_hdf5_extension(const std::filesystem::path& file) {
  constexpr std::array<std::string_view, 2> extensions = {".h5", ".hdf5"};
  return has_extension(file.filename().string(), extensions);
}

DatasetPath parse_dataset_path(std::string_view text, std::string_view default_dataset) {
  const auto split = text.rfind(":/");
  DatasetPath result{text.substr(0, split),
                     std::string(split == std::string_view::npos ? default_dataset : text.substr(split + 1))};
  if (result.file.empty() || result.dataset == "/") {
    throw UsageError("Cannot use \"" + std::string(text) + "\"", "it lacks the name of a file or of a dataset",
                     "Write FILE.h5 or FILE.h5:/DATASET.");
  }
  return result;
}

}  // namespace datus
