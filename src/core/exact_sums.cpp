// SPDX-License-Identifier: Apache-2.0
#include "datus/core/exact_sums.hpp"

#include "datus/core/parallel.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace datus {
namespace {

constexpr int digit_bits = 32;
constexpr std::int64_t base = std::int64_t{1} << digit_bits;
/// A row adds less than 2^32 to a digit, or three times that.
constexpr std::int64_t rows_before_carry = std::int64_t{1} << 29;
/// The exponent of the smallest float.
constexpr int unit_exponent = -149;

}  // namespace

ExactSums::ExactSums(std::size_t columns) : columns_(columns), digits_(digit_count * columns) {}

template <class AddColumns>
void ExactSums::add_rows(std::size_t rows, int threads, AddColumns add_columns) {
  if (rows_ + static_cast<std::int64_t>(rows) > rows_before_carry) carry();
  rows_ += static_cast<std::int64_t>(rows);
  const auto parts = std::clamp<std::size_t>(static_cast<std::size_t>(threads), 1, columns_);
  parallel_for(static_cast<std::int64_t>(parts), threads, [&](std::int64_t index) {
    const auto part = static_cast<std::size_t>(index);
    add_columns(columns_ * part / parts, columns_ * (part + 1) / parts);
  });
}

void ExactSums::add(std::span<const float> rows, std::span<const std::uint8_t> counts, int threads) {
  const std::size_t count = rows.size() / columns_;
  add_rows(count, threads, [&](std::size_t first, std::size_t end) {
    for (std::size_t row = 0; row < count; ++row) {
      if (!counts.empty() && counts[row] == 0) continue;
      for (std::size_t column = first; column < end; ++column) add_value(rows[row * columns_ + column], column);
    }
  });
}

void ExactSums::add(std::span<const half> rows, std::span<const std::uint8_t> counts, int threads) {
  const std::size_t count = rows.size() / columns_;
  add_rows(count, threads, [&](std::size_t first, std::size_t end) {
    // Multiples of 2^-24 below 2^16: f64 adds up so many of them without rounding.
    constexpr std::size_t rows_of_f64 = 8192;
    std::vector<float> values(end - first);
    for (std::size_t block = 0; block < count; block += rows_of_f64) {
      std::vector<double> sums(end - first);
      for (std::size_t row = block; row < std::min(count, block + rows_of_f64); ++row) {
        if (!counts.empty() && counts[row] == 0) continue;
        to_float(rows.subspan(row * columns_ + first, values.size()), values);
        for (std::size_t i = 0; i < values.size(); ++i) sums[i] += double{values[i]};
      }
      for (std::size_t i = 0; i < sums.size(); ++i) {
        for (int part = 0; part < 3; ++part) {  // of 24 bits
          const auto value = static_cast<float>(sums[i]);
          add_value(value, first + i);
          sums[i] -= double{value};
        }
      }
    }
  });
}

void ExactSums::add_value(float value, std::size_t column) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t exponent = (bits >> 23U) & 0xFFU;
  const std::uint64_t mantissa = (bits & 0x7FFFFFU) | (exponent == 0 ? 0U : 0x800000U);
  const std::uint32_t position = exponent == 0 ? 0 : exponent - 1;
  const std::uint64_t shifted = mantissa << (position % digit_bits);
  const std::int64_t sign = (bits >> 31U) == 0 ? 1 : -1;
  std::int64_t* const digit = digits_.data() + position / digit_bits * columns_ + column;
  digit[0] += sign * static_cast<std::int64_t>(shifted & 0xFFFFFFFFU);
  digit[columns_] += sign * static_cast<std::int64_t>(shifted >> 32U);
}

void ExactSums::carry() {
  rows_ = 0;
  // Digits of -2^31 to 2^31: those of a sum are the same however it came about.
  for (std::size_t i = 0; i + columns_ < digits_.size(); ++i) {
    const std::int64_t carried = (digits_[i] + base / 2) >> digit_bits;
    digits_[i] -= carried * base;
    digits_[i + columns_] += carried;
  }
}

std::span<std::int64_t> ExactSums::digits() {
  carry();
  return digits_;
}

std::vector<double> ExactSums::totals() {
  carry();
  std::vector<double> totals(columns_);
  for (std::size_t digit = digit_count; digit-- > 0;) {
    const int exponent = unit_exponent + digit_bits * static_cast<int>(digit);
    for (std::size_t column = 0; column < columns_; ++column) {
      totals[column] += std::ldexp(static_cast<double>(digits_[digit * columns_ + column]), exponent);
    }
  }
  return totals;
}

}  // namespace datus
