// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/half.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace datus {

/// Sums of floats without any rounding: the same whatever the order, and whoever added which.
///
/// A sum is an integer in units of the smallest float, 2^-149, in digits of 32 bits that have room for carries.
class ExactSums {
 public:
  /// Of `columns` sums, all 0.
  explicit ExactSums(std::size_t columns);

  /// Adds rows [n, columns], n at most 2^29, of finite values; with `counts` [n] those alone of which it is not 0. Up
  /// to `threads` threads take some columns each.
  void add(std::span<const float> rows, std::span<const std::uint8_t> counts = {}, int threads = 1);
  void add(std::span<const half> rows, std::span<const std::uint8_t> counts = {}, int threads = 1);  ///< The same.
  /// All digits [digits * columns], with the carries taken off, so that those of up to 2^30 others may be added to them
  /// (by an allreduce).
  [[nodiscard]] std::span<std::int64_t> digits();
  /// [columns] in f64, within two units in the last place. A function of the sum alone.
  [[nodiscard]] std::vector<double> totals();

 private:
  /// 254 exponents and 24 bits, and one for carries.
  static constexpr std::size_t digit_count = 10;

  /// Calls add_columns(first column, end column) for parts of them, which threads take.
  template <class AddColumns>
  void add_rows(std::size_t rows, int threads, AddColumns add_columns);
  void add_value(float value, std::size_t column);
  void carry();

  std::size_t columns_;
  std::int64_t rows_ = 0;             ///< since the last carry
  std::vector<std::int64_t> digits_;  ///< [digit_count, columns]
};

}  // namespace datus
