// SPDX-License-Identifier: Apache-2.0
#include "model/weights/storage_description.hpp"

#include "model/weights/damaged_file.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace datus {
namespace {

using NamedType = std::pair<std::string_view, ElementType>;

// Quantised elements are the integers that they are stored as.
constexpr std::array<NamedType, 18> storage_classes{{{"DoubleStorage", ElementType::f64},
                                                     {"FloatStorage", ElementType::f32},
                                                     {"HalfStorage", ElementType::f16},
                                                     {"BFloat16Storage", ElementType::bf16},
                                                     {"LongStorage", ElementType::i64},
                                                     {"IntStorage", ElementType::i32},
                                                     {"ShortStorage", ElementType::i16},
                                                     {"CharStorage", ElementType::i8},
                                                     {"ByteStorage", ElementType::u8},
                                                     {"BoolStorage", ElementType::boolean},
                                                     {"ComplexFloatStorage", ElementType::c64},
                                                     {"ComplexDoubleStorage", ElementType::c128},
                                                     {"QInt32Storage", ElementType::i32},
                                                     {"QInt8Storage", ElementType::i8},
                                                     {"QUInt8Storage", ElementType::u8},
                                                     {"QUInt4x2Storage", ElementType::u8},
                                                     {"UntypedStorage", ElementType::u8},
                                                     {"_UntypedStorage", ElementType::u8}}};

constexpr std::array<NamedType, 20> dtypes{{{"float64", ElementType::f64},
                                            {"float32", ElementType::f32},
                                            {"float16", ElementType::f16},
                                            {"bfloat16", ElementType::bf16},
                                            {"float8_e4m3fn", ElementType::f8_e4m3},
                                            {"float8_e4m3fnuz", ElementType::f8_e4m3},
                                            {"float8_e5m2", ElementType::f8_e5m2},
                                            {"float8_e5m2fnuz", ElementType::f8_e5m2},
                                            {"float8_e8m0fnu", ElementType::f8_e8m0},
                                            {"int64", ElementType::i64},
                                            {"int32", ElementType::i32},
                                            {"int16", ElementType::i16},
                                            {"int8", ElementType::i8},
                                            {"uint64", ElementType::u64},
                                            {"uint32", ElementType::u32},
                                            {"uint16", ElementType::u16},
                                            {"uint8", ElementType::u8},
                                            {"bool", ElementType::boolean},
                                            {"complex64", ElementType::c64},
                                            {"complex128", ElementType::c128}}};

std::optional<ElementType> find_type(std::span<const NamedType> table, std::string_view name) {
  const auto found = std::ranges::find(table, name, &NamedType::first);
  if (found == table.end()) return std::nullopt;
  return found->second;
}

/// Reads the fields of one persistent id.
class Fields {
 public:
  Fields(const Pickle& pickle, const Pickle::Sequence& fields, const std::string& what, const std::string& source)
      : pickle_(pickle), fields_(fields), what_(what), source_(source) {}

  [[nodiscard]] StorageDescription describe() const {
    if (fields_.items.size() < 5) fail();
    StorageDescription result;
    result.class_name = get<Pickle::Global>(fields_.items[1]).name;
    result.key = std::string(get<std::string_view>(fields_.items[2]));
    result.stored = count(fields_.items[4]);
    result.elements = result.stored;
    result.type = find_type(storage_classes, result.class_name);
    if (fields_.items.size() > 5 && pickle_.as<Pickle::None>(fields_.items[5]) == nullptr) take_part(result);
    return result;
  }

 private:
  [[noreturn]] void fail() const { throw_damaged(source_, what_ + " is not described as torch does"); }

  template <class T>
  [[nodiscard]] const T& get(Pickle::Id id) const {
    const T* value = pickle_.as<T>(id);
    if (value == nullptr) fail();
    return *value;
  }
  [[nodiscard]] std::uint64_t count(Pickle::Id id) const {
    const std::int64_t value = get<std::int64_t>(id);
    if (value < 0) fail();
    return static_cast<std::uint64_t>(value);
  }

  void take_part(StorageDescription& storage) const {
    const auto& part = get<Pickle::Sequence>(fields_.items[5]);
    if (part.items.size() != 3) fail();
    storage.begin = count(part.items[1]);
    storage.elements = count(part.items[2]);
    if (storage.begin > storage.stored || storage.elements > storage.stored - storage.begin) {
      throw_damaged(source_, what_ + " is a part that lies outside of storage " + storage.key);
    }
  }

  const Pickle& pickle_;
  const Pickle::Sequence& fields_;
  const std::string& what_;
  const std::string& source_;
};

}  // namespace

std::optional<StorageDescription> describe_storage(const Pickle& pickle, Pickle::Id id, const std::string& what,
                                                   const std::string& source) {
  const auto* persistent = pickle.as<Pickle::Persistent>(id);
  const auto* fields = persistent == nullptr ? nullptr : pickle.as<Pickle::Sequence>(persistent->key);
  if (fields == nullptr || fields->items.empty()) return std::nullopt;
  const auto* tag = pickle.as<std::string_view>(fields->items[0]);
  if (tag == nullptr || *tag != "storage") return std::nullopt;
  return Fields(pickle, *fields, what, source).describe();
}

std::optional<ElementType> torch_dtype(std::string_view name) {
  return find_type(dtypes, name);
}

}  // namespace datus
