// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model/torch/activation_kernels.hpp"
#include "model/torch/lanes_exponential.hpp"

#include <cstring>

// The source of all paths of activation_kernels.hpp; see attention_loops.hpp.

namespace datus::activation_kernels {
namespace {

/// x Φ(x) = max(x, 0) - |x| Φ(-|x|), with Φ(-|x|) = exp(-x²/2) p(1 / (1 + 0.28 |x|)): the form of Abramowitz and Stegun
/// 7.1.26, with a polynomial of degree 6 that has the least absolute error of the product with |x|, 3.4e-9. So the
/// small results for negative x keep their sign and fade to zero.
template <class Lanes>
inline __attribute__((always_inline)) typename Lanes::Vector gelu(typename Lanes::Vector x) {
  using Vector = typename Lanes::Vector;
  using Bits = typename Lanes::Bits;
  const Vector size = reinterpret_cast<Vector>(reinterpret_cast<Bits>(x) & 0x7FFFFFFFU);
  const Vector u = Lanes::all(1.0F) / Lanes::multiply_add(Lanes::all(0.28F), size, Lanes::all(1.0F));
  const Vector power = power_of_two<Lanes>(x * x * Lanes::all(-0.721347520F));  // -1/2 of e's logarithm to base 2
  Vector sum = Lanes::all(-0x1.b88bacp-4F);
  sum = Lanes::multiply_add(sum, u, Lanes::all(0x1.9684bcp-2F));
  sum = Lanes::multiply_add(sum, u, Lanes::all(-0x1.fcf794p-3F));
  sum = Lanes::multiply_add(sum, u, Lanes::all(0x1.1cdc12p-2F));
  sum = Lanes::multiply_add(sum, u, Lanes::all(0x1.0549d2p-4F));
  sum = Lanes::multiply_add(sum, u, Lanes::all(0x1.dfadbep-4F));
  return Lanes::multiply_add(sum * u, -size * power, Lanes::larger(Lanes::all(0.0F), x));
}

template <class Lanes>
void add_bias_gelu(float* values, std::ptrdiff_t stride, const float* bias, std::int64_t rows, std::int64_t columns) {
  constexpr std::int64_t lanes = Lanes::width;
  const std::int64_t whole = columns - columns % lanes;
  const auto rest = static_cast<std::size_t>(columns - whole) * sizeof(float);
  float last_bias[lanes] = {};
  std::memcpy(last_bias, bias + whole, rest);
  for (std::int64_t row = 0; row < rows; ++row) {
    float* const at = values + row * stride;
    for (std::int64_t c = 0; c < whole; c += lanes) {
      Lanes::store(at + c, gelu<Lanes>(Lanes::load(at + c) + Lanes::load(bias + c)));
    }
    if (rest == 0) continue;
    float last[lanes] = {};
    std::memcpy(last, at + whole, rest);
    Lanes::store(last, gelu<Lanes>(Lanes::load(last) + Lanes::load(last_bias)));
    std::memcpy(at + whole, last, rest);
  }
}

}  // namespace
}  // namespace datus::activation_kernels
