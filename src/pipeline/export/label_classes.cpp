// SPDX-License-Identifier: Apache-2.0
#include "pipeline/export/label_classes.hpp"

#include "datus/config/cluster_names.hpp"
#include "datus/core/names.hpp"
#include "pipeline/files/cluster_classes.hpp"

#include <algorithm>
#include <cstddef>

namespace datus {
namespace {

LabelClasses named_by_a_person(const std::filesystem::path& file, int k) {
  LabelClasses classes;
  classes.of_cluster.assign(static_cast<std::size_t>(k), -1);
  classes.source = file.filename().string();
  for (const auto& [cluster, name] : read_cluster_names(file, k)) {
    if (!name) continue;
    const auto known = std::ranges::find(classes.names, *name);
    classes.of_cluster[static_cast<std::size_t>(cluster)] = static_cast<int>(known - classes.names.begin());
    if (known == classes.names.end()) classes.names.push_back(*name);
  }
  return classes;
}

LabelClasses numbered(int k) {
  LabelClasses classes;
  for (int cluster = 0; cluster < k; ++cluster) {
    classes.names.push_back("cluster_" + zero_padded(cluster, 3));
    classes.of_cluster.push_back(cluster);
  }
  classes.source = "clusters: the run has neither ground truth nor names";
  return classes;
}

}  // namespace

Palette LabelClasses::palette() const {
  return class_palette(count(), colours);
}

std::vector<int> LabelClasses::clusters_of(int index) const {
  std::vector<int> clusters;
  for (std::size_t cluster = 0; cluster < of_cluster.size(); ++cluster) {
    if (of_cluster[cluster] == index) clusters.push_back(static_cast<int>(cluster));
  }
  return clusters;
}

LabelMap LabelClasses::classes_of(const LabelMap& clusters) const {
  LabelMap classes = clusters;
  for (std::int32_t& label : classes.labels) {
    if (label != no_label) label = of_cluster[static_cast<std::size_t>(label)];
  }
  return classes;
}

LabelClasses find_classes(const RunDirectory& run, int k, const std::optional<std::filesystem::path>& names,
                          const std::string& protocol) {
  if (names) return named_by_a_person(*names, k);
  auto known = classes_of_run(run, k, protocol);
  if (!known) return numbered(k);
  LabelClasses classes{.names = std::move(known->class_names),
                       .of_cluster = std::move(known->mapping),
                       .source = std::move(known->source),
                       .colours = std::move(known->class_colours)};
  for (int i = classes.count(); i < known->classes; ++i) classes.names.push_back("class_" + zero_padded(i, 3));
  return classes;
}

}  // namespace datus
