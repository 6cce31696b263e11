#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace datus {

/// Type of a stored element.
enum class ElementType { f64, f32, f16, bf16, i64, i32, i16, i8, u8, boolean };

/// Bytes of one element.
[[nodiscard]] std::size_t element_size(ElementType type) noexcept;
/// A name for messages, for example "float16".
[[nodiscard]] const char* to_string(ElementType type) noexcept;

/// One tensor of a weights file: a strided view of bytes that belong to the file.
struct WeightTensor {
  /// Full name: dictionary keys and the name itself joined by dots, for example
  /// "teacher.backbone.cls_token".
  std::string name;
  ElementType type = ElementType::f32;
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> strides;  ///< in elements, one per dimension, not negative
  /// Little-endian bytes from the first element to the end of its storage, at any alignment. Every
  /// index of `shape` lies inside.
  std::span<const std::byte> data;

  /// Product of the shape.
  [[nodiscard]] std::int64_t elements() const noexcept;
};

/// "[3, 16, 16]".
[[nodiscard]] std::string shape_text(std::span<const std::int64_t> shape);

/// The elements in row-major order as float32; the float types are converted (float64 rounded to
/// nearest), others refused with `InputError`. `source` names the file in that message. NaN and
/// infinity are refused likewise: no model works with them, and a damaged file often shows that
/// way.
[[nodiscard]] std::vector<float> to_floats(const WeightTensor& tensor, const std::string& source);

/// A file of named tensors, open for reading: .safetensors, or the zip kind of .pth, .pt and .bin,
/// told apart by content. Reading one never executes anything: a checkpoint's pickle is taken apart
/// as data.
class WeightFile {
 public:
  /// Maps the file and checks its whole structure. Throws `InputError` naming the file and the
  /// reason: missing, not a weights file, truncated, inconsistent, an older kind of checkpoint.
  [[nodiscard]] static WeightFile open(const std::filesystem::path& path);

  ~WeightFile();
  WeightFile(WeightFile&&) noexcept;
  WeightFile& operator=(WeightFile&&) noexcept;
  WeightFile(const WeightFile&) = delete;
  WeightFile& operator=(const WeightFile&) = delete;

  /// The path in the form that messages use.
  [[nodiscard]] const std::string& source() const noexcept;
  /// All tensors in the file's order, names unique. Their bytes live as long as this object.
  [[nodiscard]] std::span<const WeightTensor> tensors() const noexcept;

 private:
  struct State;
  explicit WeightFile(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Reads the tensors from the bytes of a weights file; `source` names it in messages. The tensors
/// refer to `bytes`. Throws as `WeightFile::open` does.
[[nodiscard]] std::vector<WeightTensor> read_weights(std::span<const std::byte> bytes, const std::string& source);

}  // namespace datus
