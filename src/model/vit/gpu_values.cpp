// SPDX-License-Identifier: Apache-2.0
#include "datus/model/gpu_values.hpp"

#include <algorithm>

namespace datus {

std::int64_t activation_values(const ViTArchitecture& architecture, std::int64_t patches, bool segment_cls) {
  const std::int64_t dim = architecture.dim;
  const std::int64_t hidden = architecture.hidden;
  // Beside tokens and their norm: queries, keys, values, what attention gives, its copy by tokens, its projection.
  const std::int64_t attention = (2 + 3 + 3) * dim;
  // The hidden layer, its gates and what they let pass with SwiGLU, and the result.
  const std::int64_t mlp = 3 * dim + (architecture.activation == Activation::swiglu ? 3 : 1) * hidden;
  // Queries, keys and values once more, in float32.
  const std::int64_t segments = segment_cls ? (2 + 3 + 6) * dim : 0;
  const std::int64_t of_token = std::max({attention, mlp, segments});
  const std::int64_t pixels = std::int64_t{3} * architecture.patch * architecture.patch;
  return (patches + architecture.leading_tokens()) * of_token + patches * pixels;
}

std::int64_t weight_values(const ViTArchitecture& architecture, bool is_16_bit) {
  const std::int64_t dim = architecture.dim;
  return architecture.parameters + (is_16_bit ? architecture.depth * 3 * dim * (dim + 1) : 0);
}

}  // namespace datus
