// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model/vit/tensor_reader.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

namespace datus {

/// Tensors of a file as LibTorch's.
class TensorLoader : public TensorReader {
 public:
  using TensorReader::TensorReader;

  [[nodiscard]] at::Tensor tensor(const std::string& name);
  /// Writes to a part of a tensor, whose values lie side by side.
  void fill(const std::string& name, const at::Tensor& part);

  [[nodiscard]] static at::Tensor empty(const std::vector<std::int64_t>& shape);
  [[nodiscard]] static at::Tensor zeros(const std::vector<std::int64_t>& shape);
};

}  // namespace datus
