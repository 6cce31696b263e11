// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/config/dataset_descriptions.hpp"
#include "datus/io/dataset.hpp"
#include "datus/io/image_writer.hpp"
#include "image_test_support.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace datus::test {

inline std::filesystem::path write_picture(const std::filesystem::path& path) {
  std::filesystem::create_directories(path.parent_path());
  write_png(path, Image(2, 3));
  return path;
}

/// An index PNG of one row.
inline std::filesystem::path write_labels(const std::filesystem::path& path, const std::vector<std::uint8_t>& values) {
  std::filesystem::create_directories(path.parent_path());
  write_palette_png(path, values, 1, static_cast<int>(values.size()), {});
  return path;
}

inline std::vector<std::string> names_of(const Dataset& dataset) {
  std::vector<std::string> names;
  for (const auto& item : dataset.items()) names.push_back(item.name);
  return names;
}

inline std::vector<std::string> truth_names_of(const Dataset& dataset) {
  std::vector<std::string> names;
  for (const auto& item : dataset.items()) names.push_back(item.truth_name);
  return names;
}

/// Labels of the first item.
inline std::vector<std::int32_t> first_truth(const Dataset& dataset) {
  return dataset.read_truth(dataset.items().front()).labels;
}

/// The kind that the program describes by that name.
inline DatasetType described(const std::string& name) {
  return {name, parse_dataset(find_dataset_text(name).value())};
}

/// What `open_dataset` complains about.
template <class E = InputError>
std::string complaint(const DatasetOptions& options) {
  return error_of<E>([&] { (void)open_dataset(options); });
}

using Names = std::vector<std::string>;
using Labels = std::vector<std::int32_t>;

}  // namespace datus::test
