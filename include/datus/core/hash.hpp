// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace datus {

/// 128-bit content hash (XXH3). It finds accidents, not attackers.
struct Hash {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  friend constexpr bool operator==(const Hash&, const Hash&) = default;
  /// 32 lower-case hexadecimal digits.
  [[nodiscard]] std::string hex() const;
};

/// Hash of a sequence of bytes and named values. The same `add` calls give the same hash on every machine.
class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;

  /// Raw bytes, without their length: add a length first where two inputs could run together.
  Hasher& add_bytes(std::span<const std::byte> bytes);
  /// Length and characters.
  Hasher& add(std::string_view text);
  Hasher& add(std::int64_t value);
  [[nodiscard]] Hash finish() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// 64-bit hash (XXH3) of some bytes and a number, without a state to set up: for many small pieces.
[[nodiscard]] std::uint64_t hash_64(std::span<const std::byte> bytes, std::uint64_t number) noexcept;

/// Hash of a file's bytes, read in pieces. Throws `InputError` naming the file when it cannot be read.
[[nodiscard]] Hash hash_file(const std::filesystem::path& path);

}  // namespace datus
