#include "model/vit/tensor_loader.hpp"

#include "datus/core/error.hpp"

#include <cstddef>

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

namespace datus {

void TensorLoader::read(const std::string& name, std::span<float> to) {
  const WeightTensor& tensor = *branch_.tensors.at(name);
  if (static_cast<std::int64_t>(to.size()) != tensor.elements()) {
    throw SystemError("tensor " + tensor.name + " has " + std::to_string(tensor.elements()) + " values",
                      std::to_string(to.size()) + " were planned", "Report this.");
  }
  file_.read(tensor, to);
  Hasher hasher;
  const auto& shape = plan_.tensors.at(name);
  hasher.add(name).add(static_cast<std::int64_t>(shape.size()));
  for (const std::int64_t size : shape) hasher.add(size);
  hashes_[name] = hasher.add_bytes(std::as_bytes(to)).finish();
}

at::Tensor TensorLoader::tensor(const std::string& name) {
  at::Tensor result = empty(plan_.tensors.at(name));
  fill(name, result);
  return result;
}

std::vector<float> TensorLoader::values(const std::string& name) {
  std::vector<float> result(static_cast<std::size_t>(branch_.tensors.at(name)->elements()));
  read(name, result);
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

Hash TensorLoader::hash() const {
  Hasher hasher;
  for (const auto& [name, hash] : hashes_) hasher.add(hash.hex());
  return hasher.finish();
}

}  // namespace datus
