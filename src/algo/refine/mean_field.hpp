// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/refine/kernels.hpp"

#include <cstdint>
#include <span>

namespace datus::refine_detail {

/// What the pairs of pixels say about a group of classes.
class Messages {
 public:
  Messages() = default;
  virtual ~Messages() = default;
  Messages(const Messages&) = delete;
  Messages& operator=(const Messages&) = delete;
  Messages(Messages&&) = delete;
  Messages& operator=(Messages&&) = delete;

  /// Takes the probabilities of all pixels, values [pixels][group_size] at a cache line, and may put anything in their
  /// place.
  virtual void take(const float* unary, float* values) = 0;
  /// Of the pixels from `first` on, values = unary + sum over kernels of weight * filtered probabilities. Called for
  /// all pixels, a few at a time, before the next `take`.
  virtual void give(std::int64_t first, std::int64_t count, const float* unary, float* values) = 0;
};

/// Mean field of a fully connected CRF with Potts compatibility (Kraehenbuehl and Koltun 2011, algorithm 1): from
/// Q = softmax(unary), each iteration is Q = softmax(unary + messages(Q)). What other classes are charged and what the
/// own class is granted differ by a constant for each pixel, which the softmax takes out.
///
/// unary, values: [groups][pixels][group_size], at cache lines; unary holds logits, lanes without a class `no_class`.
/// The result is in `values`.
void mean_field(const Kernel& kernel, std::span<const float> unary, std::int64_t pixels, int iterations,
                Messages& messages, std::span<float> values);

}  // namespace datus::refine_detail
