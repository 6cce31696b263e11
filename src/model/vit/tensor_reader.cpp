// SPDX-License-Identifier: Apache-2.0
#include "model/vit/tensor_reader.hpp"

#include "datus/core/error.hpp"

#include <cstddef>

namespace datus {

void TensorReader::read(const std::string& name, std::span<float> to) {
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

std::vector<float> TensorReader::values(const std::string& name) {
  std::vector<float> result(static_cast<std::size_t>(branch_.tensors.at(name)->elements()));
  read(name, result);
  return result;
}

Hash TensorReader::hash() const {
  Hasher hasher;
  for (const auto& [name, hash] : hashes_) hasher.add(hash.hex());
  return hasher.finish();
}

}  // namespace datus
