// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/hash.hpp"
#include "datus/model/weight_branch.hpp"
#include "datus/model/weights.hpp"
#include "model/vit/vit_plan.hpp"

#include <map>
#include <span>
#include <string>
#include <vector>

namespace datus {

/// Converts tensors of a file to float32 one by one, straight to where they are needed, so that a model takes its own
/// size in memory and not twice that. Remembers the hash of each. `read` and `values` throw `InputError` naming the
/// tensor for values that are not finite numbers.
class TensorReader {
 public:
  /// Refers to its arguments. The shapes are those of `plan`.
  TensorReader(const WeightFile& file, const WeightBranch& branch, const ViTPlan& plan)
      : file_(file), branch_(branch), plan_(plan) {}

  /// As many values as the tensor has, in row-major order.
  void read(const std::string& name, std::span<float> to);
  [[nodiscard]] std::vector<float> values(const std::string& name);

  /// Over all tensors that were read, in the order of their names.
  [[nodiscard]] Hash hash() const;

 protected:
  [[nodiscard]] const ViTPlan& plan() const { return plan_; }

 private:
  const WeightFile& file_;
  const WeightBranch& branch_;
  const ViTPlan& plan_;
  std::map<std::string, Hash> hashes_;
};

}  // namespace datus
