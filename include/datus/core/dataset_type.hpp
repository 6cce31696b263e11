// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/dataset_description.hpp"

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace datus {

/// A kind of data set that needs no description. How its files are found is its row in io/datasets/kinds.cpp, which has
/// the same names.
struct PlainDatasetType {
  std::string_view name;
  bool lists_images = false;  ///< the images are named by `dataset.list`, or by `dataset.images` itself
};

/// All of them, in the order of the reference.
inline constexpr std::array<PlainDatasetType, 3> plain_dataset_types = {
    {{.name = "folder"}, {.name = "list", .lists_images = true}, {.name = "index_png"}}};

/// What `dataset.kind` means: the name of one of the `plain_dataset_types`, or a description.
struct DatasetType {
  std::string name;  ///< as given: a name, or the absolute path of a description
  std::shared_ptr<const DatasetDescription> description = {};  ///< null for plain types

  DatasetType(std::string type) : name(std::move(type)) {}  // NOLINT(google-explicit-constructor): a name is a type
  DatasetType(const char* type) : name(type) {}             // NOLINT(google-explicit-constructor)
  DatasetType(std::string type, std::shared_ptr<const DatasetDescription> described)
      : name(std::move(type)), description(std::move(described)) {}

  /// The same name, and the same description behind it.
  friend bool operator==(const DatasetType& one, const DatasetType& other) {
    const bool both = one.description && other.description;
    return one.name == other.name &&
           (both ? one.description->content == other.description->content : one.description == other.description);
  }
};

}  // namespace datus
