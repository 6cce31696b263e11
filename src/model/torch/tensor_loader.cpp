// SPDX-License-Identifier: Apache-2.0
#include "model/torch/tensor_loader.hpp"

#include <cstddef>

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

namespace datus {

at::Tensor TensorLoader::tensor(const std::string& name) {
  at::Tensor result = empty(plan().tensors.at(name));
  fill(name, result);
  return result;
}

void TensorLoader::fill(const std::string& name, const at::Tensor& part) {
  read(name, {part.data_ptr<float>(), static_cast<std::size_t>(part.numel())});
}

at::Tensor TensorLoader::empty(const std::vector<std::int64_t>& shape) {
  return at::empty(shape, at::kFloat);
}

at::Tensor TensorLoader::zeros(const std::vector<std::int64_t>& shape) {
  return at::zeros(shape, at::kFloat);
}

}  // namespace datus
