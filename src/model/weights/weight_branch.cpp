#include "datus/model/weight_branch.hpp"

#include "datus/core/error.hpp"
#include "model/weights/damaged_file.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

namespace datus {
namespace {

/// Wrappers that hold the model, in the order in which they are tried: a `teacher` goes before its
/// surroundings.
constexpr std::array<std::string_view, 10> wrappers{
    "teacher.",  "model.", "state_dict.", "module.",     "base_encoder.",
    "backbone.", "vit.",   "dinov2.",     "dinov3_vit.", "dinov2_with_registers."};

struct Named {
  std::string name;
  const WeightTensor* tensor;
};

/// Keeps what lies under `prefix` and takes it off; false, and nothing changed, when no name starts
/// with it.
bool enter(std::vector<Named>& tensors, std::string_view prefix) {
  std::vector<Named> inside;
  for (const Named& entry : tensors) {
    if (entry.name.starts_with(prefix)) inside.push_back({entry.name.substr(prefix.size()), entry.tensor});
  }
  if (inside.empty()) return false;
  tensors = std::move(inside);
  return true;
}

/// Takes off wrappers until none is left; each one shortens the names, so this ends.
std::string enter_wrappers(std::vector<Named>& tensors) {
  std::string entered;
  bool again = true;
  while (again) {
    again = false;
    for (const std::string_view wrapper : wrappers) {
      if (!enter(tensors, wrapper)) continue;
      entered += wrapper;
      again = true;
      break;
    }
  }
  return entered;
}

/// Training code of DINOv2 cuts its blocks into chunks, "blocks.2.17.norm1.weight": the second number counts all
/// blocks.
std::string without_chunk(const std::string& name) {
  constexpr std::string_view blocks = "blocks.";
  if (!name.starts_with(blocks)) return name;
  const auto number_end = [&](std::size_t begin) {
    const std::size_t end = std::min(name.find_first_not_of("0123456789", begin), name.size());
    return end > begin && end < name.size() && name[end] == '.' ? end + 1 : std::string::npos;
  };
  const std::size_t chunk_end = number_end(blocks.size());
  if (chunk_end == std::string::npos || number_end(chunk_end) == std::string::npos) return name;
  return std::string(blocks) + name.substr(chunk_end);
}

/// The named branch may itself lie inside wrappers: "module.base_encoder" inside "state_dict".
std::string enter_branch(std::vector<Named>& tensors, std::string_view branch, const std::string& source) {
  const std::string prefix = std::string(branch) + ".";
  if (enter(tensors, prefix)) return prefix;
  for (const std::string_view wrapper : wrappers) {
    if (enter(tensors, std::string(wrapper) + prefix)) return std::string(wrapper) + prefix;
  }
  throw InputError("the weights file " + source + " has no branch " + std::string(branch),
                   "no tensor's name starts with it, the first is " + tensors.front().name,
                   "Set model.branch to a dictionary of the file, or to auto.");
}

}  // namespace

WeightBranch choose_branch(std::span<const WeightTensor> tensors, std::string_view branch, const std::string& source) {
  if (tensors.empty()) throw_damaged(source, "it holds no tensors");
  std::vector<Named> named;
  named.reserve(tensors.size());
  for (const WeightTensor& tensor : tensors) named.push_back({tensor.name, &tensor});

  WeightBranch result;
  result.source = source;
  if (branch != "auto") result.prefix = enter_branch(named, branch, source);
  result.prefix += enter_wrappers(named);
  for (const Named& entry : named) {
    if (result.tensors.emplace(without_chunk(entry.name), entry.tensor).second) continue;
    throw_damaged(source, "two tensors are named " + without_chunk(entry.name));
  }
  return result;
}

}  // namespace datus
