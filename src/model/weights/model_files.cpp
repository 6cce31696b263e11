// SPDX-License-Identifier: Apache-2.0
#include "datus/model/model_files.hpp"

#include "datus/model/weight_files.hpp"
#include "model/weights/hub_config.hpp"

namespace datus {

std::vector<std::filesystem::path> model_files(const std::filesystem::path& weights) {
  const WeightFiles found = weight_files(weights);
  std::vector<std::filesystem::path> files = found.parts;
  if (found.index) files.insert(files.begin(), *found.index);
  const std::filesystem::path main = files.front();  // a copy: the list grows
  for (const char* name : {"config.json", "preprocessor_config.json"}) {
    if (auto beside = file_beside(main, name)) files.push_back(std::move(*beside));
  }
  return files;
}

Hash hash_model_files(const std::filesystem::path& weights) {
  const auto files = model_files(weights);
  if (files.size() == 1) return hash_file(files.front());
  Hasher hasher;
  for (const auto& file : files) hasher.add(hash_file(file).hex());
  return hasher.finish();
}

}  // namespace datus
