#pragma once

#include "datus/core/hash.hpp"
#include "datus/model/weight_branch.hpp"
#include "datus/model/weights.hpp"
#include "model/vit/vit_plan.hpp"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

namespace datus {

/// Converts tensors of a file to float32 one by one, straight to where they are needed, so that a model takes its own
/// size in memory and not twice that. Remembers the hash of each. All functions throw `InputError` naming the tensor
/// for values that are not finite numbers.
class TensorLoader {
 public:
  /// Refers to its arguments. The shapes are those of `plan`.
  TensorLoader(const WeightFile& file, const WeightBranch& branch, const ViTPlan& plan)
      : file_(file), branch_(branch), plan_(plan) {}

  [[nodiscard]] at::Tensor tensor(const std::string& name);
  [[nodiscard]] std::vector<float> values(const std::string& name);
  /// Writes to a part of a tensor, whose values lie side by side.
  void fill(const std::string& name, const at::Tensor& part);

  [[nodiscard]] static at::Tensor empty(const std::vector<std::int64_t>& shape);
  [[nodiscard]] static at::Tensor zeros(const std::vector<std::int64_t>& shape);

  /// Over all tensors that were read, in the order of their names.
  [[nodiscard]] Hash hash() const;

 private:
  void read(const std::string& name, std::span<float> to);

  const WeightFile& file_;
  const WeightBranch& branch_;
  const ViTPlan& plan_;
  std::map<std::string, Hash> hashes_;
};

}  // namespace datus
