#pragma once

#include "algo/refine/kernels.hpp"

#include <cstdint>
#include <functional>
#include <span>

namespace datus::refine_detail {

/// What the pairs of pixels say about a group of classes: scores = unary + sum over kernels of weight * filtered
/// probabilities. [pixels][group_size] each, at cache lines.
using AddMessages = std::function<void(const float* probabilities, const float* unary, float* scores)>;

/// Mean field of a fully connected CRF with Potts compatibility (Kraehenbuehl and Koltun 2011, algorithm 1): from
/// Q = softmax(unary), each iteration is Q = softmax(unary + messages(Q)). What other classes are charged and what the
/// own class is granted differ by a constant for each pixel, which the softmax takes out.
///
/// unary, scores, probabilities: [groups][pixels][group_size], at cache lines; unary holds logits, lanes without a
/// class `no_class`. The result is in `probabilities`, `scores` is memory to work in.
void mean_field(const Kernel& kernel, std::span<const float> unary, std::int64_t pixels, int iterations,
                const AddMessages& add_messages, std::span<float> scores, std::span<float> probabilities);

}  // namespace datus::refine_detail
