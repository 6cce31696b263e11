#include "datus/model/weights.hpp"

#include "datus/core/error.hpp"
#include "datus/core/half.hpp"
#include "datus/model/checkpoint.hpp"
#include "datus/model/safetensors.hpp"
#include "model/damaged_file.hpp"
#include "model/little_endian.hpp"
#include "model/mapped_file.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <set>
#include <string_view>
#include <utility>

namespace datus {
namespace {

struct ElementTypeInfo {
  ElementType type;
  std::size_t size;
  const char* name;
};

constexpr std::array element_types{
    ElementTypeInfo{ElementType::f64, 8, "float64"}, ElementTypeInfo{ElementType::f32, 4, "float32"},
    ElementTypeInfo{ElementType::f16, 2, "float16"}, ElementTypeInfo{ElementType::bf16, 2, "bfloat16"},
    ElementTypeInfo{ElementType::i64, 8, "int64"},   ElementTypeInfo{ElementType::i32, 4, "int32"},
    ElementTypeInfo{ElementType::i16, 2, "int16"},   ElementTypeInfo{ElementType::i8, 1, "int8"},
    ElementTypeInfo{ElementType::u8, 1, "uint8"},    ElementTypeInfo{ElementType::boolean, 1, "bool"},
};

const ElementTypeInfo& info(ElementType type) noexcept {
  return element_types[static_cast<std::size_t>(type)];
}

float decode_f64(std::span<const std::byte> data, std::size_t offset) noexcept {
  return static_cast<float>(load_little_endian<double>(data, offset));
}
float decode_f32(std::span<const std::byte> data, std::size_t offset) noexcept {
  return load_little_endian<float>(data, offset);
}
float decode_f16(std::span<const std::byte> data, std::size_t offset) noexcept {
  return to_float(half{load_little_endian<std::uint16_t>(data, offset)});
}
float decode_bf16(std::span<const std::byte> data, std::size_t offset) noexcept {
  return std::bit_cast<float>(std::uint32_t{load_little_endian<std::uint16_t>(data, offset)} << 16U);
}

/// Visits the elements in row-major order; the innermost dimension is a plain loop.
template <class Decode>
void copy_strided(const WeightTensor& tensor, Decode decode, std::span<float> to) {
  const std::size_t size = element_size(tensor.type);
  const std::size_t rank = tensor.shape.size();
  const std::size_t inner = rank == 0 ? 1 : static_cast<std::size_t>(tensor.shape[rank - 1]);
  const std::size_t inner_stride = rank == 0 ? 0 : static_cast<std::size_t>(tensor.strides[rank - 1]);
  std::vector<std::int64_t> index(rank, 0);
  std::size_t written = 0;
  while (written < to.size()) {
    std::size_t element = 0;
    for (std::size_t d = 0; d + 1 < rank; ++d) {
      element += static_cast<std::size_t>(index[d]) * static_cast<std::size_t>(tensor.strides[d]);
    }
    for (std::size_t i = 0; i < inner; ++i) {
      to[written + i] = decode(tensor.data, (element + i * inner_stride) * size);
    }
    written += inner;
    for (std::size_t d = rank - (rank > 0 ? 1 : 0); d-- > 0;) {
      if (++index[d] < tensor.shape[d]) break;
      index[d] = 0;
    }
  }
}

/// Recognises files that people mistake for weights, so that the message can say what happened.
void refuse_known_strangers(std::span<const std::byte> bytes, const std::string& source) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.starts_with("version https://git-lfs")) {
    throw_damaged(source, "it is a Git LFS pointer, not the file that it points to");
  }
  if (text.starts_with("<!DOCTYPE") || text.starts_with("<!doctype") || text.starts_with("<html")) {
    throw_damaged(source, "it is a web page, not a weights file");
  }
  // The first pickle of torch.save before version 1.6 holds this 80-bit magic number.
  constexpr std::string_view legacy_magic("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 12);
  if (text.substr(0, 64).find(legacy_magic) != std::string_view::npos) {
    throw InputError("cannot read the weights file " + source,
                     "a checkpoint in the format of torch.save before version 1.6",
                     "Convert it: torch.save(torch.load(OLD, map_location='cpu'), NEW) with "
                     "PyTorch 1.6 or later.");
  }
}

}  // namespace

std::size_t element_size(ElementType type) noexcept {
  return info(type).size;
}

const char* to_string(ElementType type) noexcept {
  return info(type).name;
}

std::int64_t WeightTensor::elements() const noexcept {
  if (std::ranges::find(shape, 0) != shape.end()) return 0;  // whatever the other sizes are: no overflow
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  return count;
}

std::string shape_text(std::span<const std::int64_t> shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) text += ", ";
    text += std::to_string(shape[i]);
  }
  return text + "]";
}

std::vector<float> to_floats(const WeightTensor& tensor, const std::string& source) {
  std::vector<float> values(static_cast<std::size_t>(tensor.elements()));
  switch (tensor.type) {
    case ElementType::f64:
      copy_strided(tensor, decode_f64, values);
      break;
    case ElementType::f32:
      copy_strided(tensor, decode_f32, values);
      break;
    case ElementType::f16:
      copy_strided(tensor, decode_f16, values);
      break;
    case ElementType::bf16:
      copy_strided(tensor, decode_bf16, values);
      break;
    default:
      throw InputError("cannot use tensor " + tensor.name + " of " + source,
                       std::string("its type is ") + to_string(tensor.type), "Weights must be floating-point numbers.");
  }
  if (!std::ranges::all_of(values, [](float value) { return std::isfinite(value); })) {
    throw_damaged(source, "tensor " + tensor.name + " holds a value that is not a finite float32");
  }
  return values;
}

std::vector<WeightTensor> read_weights(std::span<const std::byte> bytes, const std::string& source) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  std::vector<WeightTensor> tensors;
  if (text.starts_with("PK\x03\x04")) {
    tensors = read_checkpoint(bytes, source);
  } else if (looks_like_safetensors(bytes)) {
    tensors = read_safetensors(bytes, source);
  } else {
    refuse_known_strangers(bytes, source);
    throw InputError("cannot read the weights file " + source, "neither .safetensors nor a checkpoint of torch.save",
                     "Give a file of one of these kinds.");
  }
  std::set<std::string_view> names;
  for (const WeightTensor& tensor : tensors) {
    if (!names.insert(tensor.name).second) throw_damaged(source, "two tensors are named " + tensor.name);
  }
  return tensors;
}

struct WeightFile::State {
  explicit State(const std::filesystem::path& path)
      : source(path.string()), file(path), tensors(read_weights(file.bytes(), source)) {}

  std::string source;
  MappedFile file;
  std::vector<WeightTensor> tensors;
};

WeightFile WeightFile::open(const std::filesystem::path& path) {
  return WeightFile(std::make_unique<State>(path));
}

WeightFile::WeightFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
WeightFile::~WeightFile() = default;
WeightFile::WeightFile(WeightFile&&) noexcept = default;
WeightFile& WeightFile::operator=(WeightFile&&) noexcept = default;

const std::string& WeightFile::source() const noexcept {
  return state_->source;
}
std::span<const WeightTensor> WeightFile::tensors() const noexcept {
  return state_->tensors;
}

}  // namespace datus
