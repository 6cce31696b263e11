// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace datus::refine_detail {

/// Where a point of the permutohedral lattice is: its coordinates but for the last, which follows from the others, in
/// fields of 21 bits with an offset, three in a word. Two keys are added field by field, as plain integers.
struct LatticeKey {
  std::uint64_t first = 0;
  std::uint64_t second = 0;

  static constexpr int field_bits = 21;
  static constexpr int fields_per_word = 3;
  /// Added to each coordinate, so that no field is negative.
  static constexpr std::int32_t offset = 1 << (field_bits - 1);

  /// `amount` in field `i`; in none where the key has no such field.
  static constexpr LatticeKey of_field(int i, std::int64_t amount) {
    const int shift = field_bits * (i % fields_per_word);
    const std::uint64_t word = static_cast<std::uint64_t>(amount) << shift;
    return i < fields_per_word ? LatticeKey{word, 0} : LatticeKey{0, word};
  }
  friend constexpr LatticeKey operator+(LatticeKey a, LatticeKey b) { return {a.first + b.first, a.second + b.second}; }
  friend constexpr bool operator==(const LatticeKey&, const LatticeKey&) = default;
};

/// The points of a lattice that something lies beside, numbered in the order in which they were added. A hash table
/// with linear probing, never more than half full; its memory is kept from one lattice to the next.
class LatticePoints {
 public:
  /// The number of `key`, which is added where it is new.
  [[nodiscard]] std::int32_t add(LatticeKey key) {
    const std::uint64_t hash = hash_of(key);
    for (std::uint64_t at = hash & mask_;; at = (at + 1) & mask_) {
      Slot& slot = slots_[at];
      if (slot.number == none) {
        slot = {static_cast<std::uint32_t>(hash >> 32U), static_cast<std::int32_t>(keys_.size())};
        keys_.push_back(key);
        const std::int32_t number = slot.number;
        if (2 * keys_.size() > mask_) grow();
        return number;
      }
      if (slot.sign == static_cast<std::uint32_t>(hash >> 32U) && keys_[slot.number] == key) return slot.number;
    }
  }

  /// The number of `key`, or `none`.
  [[nodiscard]] std::int32_t find(LatticeKey key) const {
    const std::uint64_t hash = hash_of(key);
    for (std::uint64_t at = hash & mask_;; at = (at + 1) & mask_) {
      const Slot& slot = slots_[at];
      if (slot.number == none) return none;
      if (slot.sign == static_cast<std::uint32_t>(hash >> 32U) && keys_[slot.number] == key) return slot.number;
    }
  }

  [[nodiscard]] std::int32_t size() const { return static_cast<std::int32_t>(keys_.size()); }
  [[nodiscard]] const LatticeKey& key(std::int32_t number) const { return keys_[number]; }
  void clear();

  static constexpr std::int32_t none = -1;

 private:
  struct Slot {
    std::uint32_t sign = 0;
    std::int32_t number = none;
  };

  static constexpr std::uint64_t hash_of(LatticeKey key) {
    // Two rounds of a multiplication whose high bits come back to the low ones.
    std::uint64_t hash = (key.first ^ (key.second * 0x9E3779B97F4A7C15U)) * 0xBF58476D1CE4E5B9U;
    hash ^= hash >> 29U;
    hash *= 0x94D049BB133111EBU;
    return hash ^ (hash >> 32U);
  }

  void grow();

  std::vector<Slot> slots_ = std::vector<Slot>(first_slots);
  std::uint64_t mask_ = first_slots - 1;
  std::vector<LatticeKey> keys_;

  static constexpr std::size_t first_slots = std::size_t{1} << 12U;
};

}  // namespace datus::refine_detail
