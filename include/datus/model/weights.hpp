// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace datus {

/// Type of a stored element. Only the first four can be weights; tensors of the others are read, and
/// refused by whoever needs one.
enum class ElementType {
  f64,
  f32,
  f16,
  bf16,
  f8_e4m3,
  f8_e5m2,
  f8_e8m0,
  i64,
  i32,
  i16,
  i8,
  u64,
  u32,
  u16,
  u8,
  boolean,
  c64,
  c128
};

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

/// Writes the elements in row-major order as float32 to `to`, which has room for exactly those; the
/// float types are converted (float64 rounded to nearest), others refused with `InputError`. `source`
/// names the file in that message. NaN and infinity are refused likewise: no model works with them,
/// and a damaged file often shows that way. Needs no memory beside `to`.
void to_floats(const WeightTensor& tensor, std::span<float> to, const std::string& source);
/// The same elements in new memory.
[[nodiscard]] std::vector<float> to_floats(const WeightTensor& tensor, const std::string& source);

/// Is told of bytes of a weights file that are not needed soon, so that it may give their memory back.
using ReleaseBytes = std::function<void(std::span<const std::byte>)>;

/// A model's named tensors, open for reading: .safetensors, the .pth, .pt and .bin files of torch.save
/// of any version, told apart by content, or several of these behind one index. Reading never
/// executes anything: a checkpoint's pickle is taken apart as data.
class WeightFile {
 public:
  /// Maps the file, the parts of an index, or what a folder holds (`weight_files` says which), and
  /// checks the whole structure. Throws `InputError` naming the file and the reason: missing, not a
  /// weights file, truncated, inconsistent, one part of many.
  [[nodiscard]] static WeightFile open(const std::filesystem::path& path);

  ~WeightFile();
  WeightFile(WeightFile&&) noexcept;
  WeightFile& operator=(WeightFile&&) noexcept;
  WeightFile(const WeightFile&) = delete;
  WeightFile& operator=(const WeightFile&) = delete;

  /// The path in the form that messages use; of an index for weights in parts. Other files lie beside this one.
  [[nodiscard]] const std::string& source() const noexcept;
  /// All tensors in the file's order, names unique. Their bytes live as long as this object.
  [[nodiscard]] std::span<const WeightTensor> tensors() const noexcept;

  /// `to_floats`, and then gives back the memory that the tensor's part of the mapped file took: with
  /// this, a model takes little more than its own size while it is loaded. Messages name the part.
  void read(const WeightTensor& tensor, std::span<float> to) const;

 private:
  struct State;
  explicit WeightFile(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Reads the tensors from the bytes of one weights file; `source` names it in messages. The tensors
/// refer to `bytes`; `release` is told what was read to check it. Throws as `WeightFile::open` does.
[[nodiscard]] std::vector<WeightTensor> read_weights(std::span<const std::byte> bytes, const std::string& source,
                                                     const ReleaseBytes& release = {});

}  // namespace datus
