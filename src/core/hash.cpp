// SPDX-License-Identifier: Apache-2.0
#include "datus/core/hash.hpp"

#include "datus/core/error.hpp"
#include "datus/core/regular_file.hpp"
#include "datus/core/unfilled_vector.hpp"

#include <array>
#include <bit>
#include <vector>

#include <xxhash.h>

namespace datus {

std::string Hash::hex() const {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(32);
  for (const std::uint64_t word : {high, low}) {
    for (int shift = 60; shift >= 0; shift -= 4) text.push_back(digits[(word >> shift) & 0xFU]);
  }
  return text;
}

struct Hasher::State {
  struct Free {
    void operator()(XXH3_state_t* state) const noexcept { XXH3_freeState(state); }
  };
  std::unique_ptr<XXH3_state_t, Free> xxh{XXH3_createState()};
};

Hasher::Hasher() : state_(std::make_unique<State>()) {
  if (!state_->xxh || XXH3_128bits_reset(state_->xxh.get()) != XXH_OK) {
    throw SystemError("Cannot start a content hash", "out of memory", "Free memory and run again.");
  }
}
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

Hasher& Hasher::add_bytes(std::span<const std::byte> bytes) {
  if (!bytes.empty() && XXH3_128bits_update(state_->xxh.get(), bytes.data(), bytes.size()) != XXH_OK) {
    throw SystemError("Cannot go on with a content hash", "XXH3 reported an error", "Report this as a defect.");
  }
  return *this;
}

Hasher& Hasher::add(std::string_view text) {
  add(static_cast<std::int64_t>(text.size()));
  return add_bytes(std::as_bytes(std::span(text)));
}

Hasher& Hasher::add(std::int64_t value) {
  const auto unsigned_value = static_cast<std::uint64_t>(value);
  std::array<std::byte, 8> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>((unsigned_value >> (8 * i)) & 0xFFU);
  return add_bytes(bytes);
}

Hash Hasher::finish() const {
  const XXH128_hash_t digest = XXH3_128bits_digest(state_->xxh.get());
  return {digest.high64, digest.low64};
}

std::uint64_t hash_64(std::span<const std::byte> bytes, std::uint64_t number) noexcept {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), number);
}

Hash hash_file(const std::filesystem::path& path) {
  RegularFile file(path);
  Hasher hasher;
  UnfilledVector<std::byte> buffer(std::size_t{1} << 20U);
  while (const std::size_t got = file.read(buffer)) hasher.add_bytes(std::span(buffer).first(got));
  return hasher.finish();
}

}  // namespace datus
