// SPDX-License-Identifier: Apache-2.0
#include "io/datasets/kinds.hpp"

#include "datus/core/dataset_type.hpp"
#include "datus/core/error.hpp"
#include "io/datasets/list_file.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace datus {
namespace io_detail {
namespace {

struct Row {
  std::string_view name;
  DatasetKind (*kind)();
};

constexpr std::array<Row, plain_dataset_types.size()> table = {
    {{"folder", folder_kind}, {"list", list_kind}, {"index_png", index_png_kind}}};
static_assert(std::equal(table.begin(), table.end(), plain_dataset_types.begin(),
                         [](const Row& row, const PlainDatasetType& type) { return row.name == type.name; }));

}  // namespace

DatasetKind dataset_kind(const DatasetType& type) {
  if (type.description) return described_kind(type.description);
  std::string names;
  for (const Row& row : table) {
    if (row.name == type.name) return row.kind();
    names.append(names.empty() ? "" : ", ").append(row.name);
  }
  throw UsageError("Unknown dataset.kind: " + type.name, "it is none of " + names, "Choose one of these.");
}

}  // namespace io_detail

bool lists_truth(const std::filesystem::path& images) {
  if (std::filesystem::is_directory(images)) return false;
  bool has_truth = false;
  io_detail::visit_list_file(images, [&](const io_detail::ListEntry& entry) { has_truth |= !entry.truth.empty(); });
  return has_truth;
}

DatasetType kind_of_plain_files(const DatasetType& kind, const std::filesystem::path& images, bool has_truth) {
  if (has_truth && io_detail::dataset_kind(kind).has_own_truth) return kind;
  if (!std::filesystem::is_directory(images)) return "list";
  return has_truth ? "index_png" : "folder";
}

}  // namespace datus
