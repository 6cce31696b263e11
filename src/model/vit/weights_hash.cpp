// SPDX-License-Identifier: Apache-2.0
#include "datus/model/weights_hash.hpp"

#include "datus/core/error.hpp"
#include "datus/model/model_files.hpp"
#include "datus/model/weights.hpp"

namespace datus {

Hash hash_model(const std::filesystem::path& weights, const WeightBranch& branch) {
  const Hash files = hash_model_files(weights);
  return branch.is_one_of_several ? Hasher().add(files.hex()).add(branch.prefix).finish() : files;
}

Hash hash_model(const std::filesystem::path& weights, std::string_view branch) {
  try {
    const WeightFile file = WeightFile::open(weights);
    return hash_model(weights, choose_branch(file.tensors(), branch, file.source()));
  } catch (const InputError&) {
    return hash_model_files(weights);
  }
}

}  // namespace datus
