// SPDX-License-Identifier: Apache-2.0
#include "model/vit/dotless_names.hpp"

#include <algorithm>
#include <cstddef>
#include <map>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace datus {
namespace {

/// "model_ema." of "model_ema.a.b"; nothing where no part of the name but the last speaks of an EMA.
std::string_view ema_prefix(const std::string& name) {
  const std::string_view prefix = std::string_view(name).substr(0, name.rfind('.') + 1);
  std::string words = "." + std::string(prefix);
  std::ranges::replace(words, '_', '.');
  return words.find(".ema.") == std::string::npos ? std::string_view() : prefix;
}

/// A name in two parts: of the model, and within it.
struct Place {
  std::string_view model;
  std::string_view name;
  const WeightTensor* tensor;
};

/// The places of all names that lost dots, by what is left of them.
std::unordered_map<std::string, Place> places_of(const std::vector<NamedTensor>& tensors) {
  std::unordered_map<std::string, Place> places;
  for (const NamedTensor& entry : tensors) {
    const std::string_view all = entry.name;
    for (std::size_t begin = 0; all.find('.', begin) != std::string_view::npos; begin = all.find('.', begin) + 1) {
      std::string dotless(all.substr(begin));
      std::erase(dotless, '.');
      places.emplace(std::move(dotless), Place{all.substr(0, begin), all.substr(begin), entry.tensor});
    }
  }
  return places;
}

}  // namespace

void restore_dots(std::vector<NamedTensor>& tensors) {
  if (std::ranges::all_of(tensors, [](const NamedTensor& entry) { return ema_prefix(entry.name).empty(); })) return;
  const std::vector<NamedTensor> stored = tensors;
  const auto places = places_of(stored);
  std::map<std::string, std::string> model_of_average;
  for (NamedTensor& entry : tensors) {
    const std::string prefix(ema_prefix(entry.name));
    if (prefix.empty()) continue;
    const auto found = places.find(entry.name.substr(prefix.size()));
    if (found == places.end() || found->second.tensor->shape != entry.tensor->shape) continue;
    entry.name = prefix + std::string(found->second.name);
    model_of_average.emplace(prefix, found->second.model);
  }
  std::unordered_set<std::string> names;
  for (const NamedTensor& entry : tensors) names.insert(entry.name);
  for (const auto& [average, model] : model_of_average) {
    for (const NamedTensor& entry : stored) {
      if (!entry.name.starts_with(model) || !ema_prefix(entry.name).empty()) continue;
      std::string name = average + entry.name.substr(model.size());
      if (names.insert(name).second) tensors.push_back({std::move(name), entry.tensor});
    }
  }
}

}  // namespace datus
