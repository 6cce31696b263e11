// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

// Included by files that are compiled for one instruction set: nothing here, or included from here, may be an inline
// function, or the linker could keep a copy of it that other CPUs cannot run.

namespace datus::attention_kernels {

/// Rows of equal length in memory: row r begins at `values + r * stride`.
struct ConstRows {
  const float* values;
  std::ptrdiff_t stride;
};
struct Rows {
  float* values;
  std::ptrdiff_t stride;
};

/// Attention of one head: result = softmax(scale * queries * keysᵀ) * values. Each row of the result is the same bits
/// whatever other queries there are.
struct Head {
  ConstRows queries, keys, values;
  Rows result;
  std::int64_t query_count;
  std::int64_t key_count;
  std::int64_t width;  ///< of a row of any of them
  float scale;
};

/// One path.
struct Kernel {
  /// Floats of working memory that a head of this size needs, for any number of queries.
  std::size_t (*work_size)(std::int64_t key_count, std::int64_t width);
  /// `work` holds `work_size` floats, aligned to 64 bytes, of any values.
  void (*attend)(const Head& head, float* work);
};

[[nodiscard]] Kernel baseline_kernel();
[[nodiscard]] Kernel avx2_kernel();
[[nodiscard]] Kernel avx512_kernel();

}  // namespace datus::attention_kernels
