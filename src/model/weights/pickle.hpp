// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace datus {

/// What a Python pickle describes, as plain data. Nothing is ever imported, called or built: a call
/// that the pickle asks for is kept as an `Object` that says which one. Values refer to each other
/// by number, so shared and cyclic structures cost nothing; strings refer to the pickle's bytes.
class Pickle {
 public:
  using Id = std::uint32_t;
  struct None {};
  /// tuple, list, set or frozenset
  struct Sequence {
    std::vector<Id> items;
  };
  struct Dictionary {
    std::vector<std::pair<Id, Id>> items;
  };
  /// A class or function, by name.
  struct Global {
    std::string_view module;
    std::string_view name;
  };
  /// What a call would return, never called: the callable, its arguments (a `Sequence`) and what
  /// was put in by key.
  struct Object {
    Id callable = 0;
    Id arguments = 0;
    std::vector<std::pair<Id, Id>> items;
  };
  /// Something stored outside of the pickle; torch names a tensor's storage so.
  struct Persistent {
    Id key = 0;
  };
  struct Bytes {
    std::span<const std::byte> value;
  };
  using Value = std::variant<None, bool, std::int64_t, double, std::string_view, Bytes, Sequence, Dictionary, Global,
                             Object, Persistent>;

  /// Reads the pickle at the beginning of `bytes`, of protocol 2 to 5 (the opcodes that pickling data
  /// uses; the text opcodes of protocols 0 and 1 are refused). Memory is bounded by the size of the pickle and by a
  /// limit on the number of values; nesting costs no stack. Throws `InputError` naming `source` and the reason.
  [[nodiscard]] static Pickle read(std::span<const std::byte> bytes, const std::string& source);

  [[nodiscard]] const Value& operator[](Id id) const { return values_[id]; }
  [[nodiscard]] Id root() const noexcept { return root_; }
  /// Number of values; each id lies below it.
  [[nodiscard]] Id size() const noexcept { return static_cast<Id>(values_.size()); }
  /// Bytes that the pickle takes, its last opcode included: what follows is something else.
  [[nodiscard]] std::size_t length() const noexcept { return length_; }

  /// The value as a T, or nothing when it is of another kind.
  template <class T>
  [[nodiscard]] const T* as(Id id) const {
    return std::get_if<T>(&values_[id]);
  }
  /// Whether the value is the class or function `module.name`.
  [[nodiscard]] bool is_global(Id id, std::string_view module, std::string_view name) const;

 private:
  friend class Unpickler;
  std::vector<Value> values_;
  Id root_ = 0;
  std::size_t length_ = 0;
};

}  // namespace datus
