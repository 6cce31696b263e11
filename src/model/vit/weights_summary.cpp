// SPDX-License-Identifier: Apache-2.0
#include "datus/model/weights_summary.hpp"

#include "datus/model/model_files.hpp"
#include "datus/model/weight_branch.hpp"
#include "datus/model/weights.hpp"
#include "datus/model/weights_hash.hpp"
#include "model/vit/tensor_reader.hpp"
#include "model/vit/vit_plan.hpp"
#include "model/weights/hub_config.hpp"

#include <set>
#include <utility>

namespace datus {
namespace {

/// Collects names by their reason, in the order in which the reasons appear.
class UnusedTensors {
 public:
  void add(const std::string& name, const std::string& why) {
    for (auto& [reason, first, count] : groups_) {
      if (reason != why) continue;
      ++count;
      return;
    }
    groups_.push_back({why, name, 1});
  }

  [[nodiscard]] std::vector<WeightsSummary::Unused> list() const {
    std::vector<WeightsSummary::Unused> result;
    for (const auto& [why, first, count] : groups_) {
      result.push_back({count == 1 ? first : first + " and " + std::to_string(count - 1) + " more", why});
    }
    return result;
  }

 private:
  struct Group {
    std::string why;
    std::string first;
    std::int64_t count;
  };
  std::vector<Group> groups_;
};

std::vector<WeightsSummary::Unused> unused_tensors(const WeightFile& file, const WeightBranch& branch,
                                                   const ViTPlan& plan) {
  UnusedTensors unused;
  for (const auto& [name, why] : plan.ignored) unused.add(branch.tensors.at(name)->name, why);
  std::set<const WeightTensor*> inside;
  for (const auto& [name, tensor] : branch.tensors) inside.insert(tensor);
  for (const WeightTensor& tensor : file.tensors()) {
    if (!inside.contains(&tensor)) unused.add(tensor.name, "outside of " + branch.prefix);
  }
  return unused.list();
}

}  // namespace

WeightsSummary summarise_weights(const std::filesystem::path& path, const ViTOptions& options) {
  const WeightFile file = WeightFile::open(path);
  const WeightBranch branch = choose_branch(file.tensors(), options.branch, file.source());
  const ViTPlan plan = plan_vit(branch, options, read_hub_config(file.source()));
  WeightsSummary summary;
  summary.architecture = plan.architecture;
  summary.preprocessing = find_preprocessing(file.source(), published_preprocessing(plan));
  summary.branch = branch.prefix;
  summary.files = model_files(path);
  summary.unused = unused_tensors(file, branch, plan);
  TensorReader reader(file, branch, plan);
  for (const auto& [name, shape] : plan.tensors) {
    ++summary.types[to_string(branch.tensors.at(name)->type)];
    (void)reader.values(name);
  }
  summary.hash = hash_model(path, branch);
  return summary;
}

}  // namespace datus
