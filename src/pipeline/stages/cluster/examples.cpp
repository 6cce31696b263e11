// SPDX-License-Identifier: Apache-2.0
#include "pipeline/stages/cluster/examples.hpp"

#include "datus/algo/cluster_tree.hpp"
#include "datus/core/simd_path.hpp"
#include "pipeline/files/dataset_checks.hpp"
#include "pipeline/session/progress.hpp"

#include <algorithm>
#include <cstddef>
#include <map>
#include <utility>

namespace datus {
namespace {

/// The images and segments of a part of a run's rows, one file after the other.
class RowNames {
 public:
  explicit RowNames(const RowSources& sources) : sources_(sources) {}

  std::pair<std::int64_t, std::int32_t> of(std::int64_t row) {
    const RowSource& part = sources_.of_row(row);
    if (part_ != &part) {
      const Hdf5Reader reader(part.file);
      require_shape(reader, "image", {part.rows}, "one image per row of " + part.dataset);
      require_shape(reader, "segment", {part.rows}, "one segment per row of " + part.dataset);
      image_ = reader.read<std::int64_t>("image");
      segment_ = reader.read<std::int32_t>("segment");
      part_ = &part;
    }
    const auto at = static_cast<std::size_t>(row - part.first);
    return {image_[at], segment_[at]};
  }

 private:
  const RowSources& sources_;
  const RowSource* part_ = nullptr;
  std::vector<std::int64_t> image_;
  std::vector<std::int32_t> segment_;
};

/// COLLECTIVE. Looks up the images of all of them: each rank those of its own rows, so that no file is read twice.
void add_images(std::vector<ExampleRows*> examples, const DescriptorRows& data, Communicator& comm) {
  const Share mine{data.rows->first(), data.rows->first() + data.rows->count()};
  // By row, so that each file is opened once; several examples may be the same row.
  std::multimap<std::int64_t, std::pair<ExampleRows*, std::size_t>> places;
  for (ExampleRows* rows : examples) {
    for (std::size_t i = 0; i < rows->row.size(); ++i) {
      if (rows->row[i] >= mine.begin && rows->row[i] < mine.end) places.insert({rows->row[i], {rows, i}});
    }
    rows->image.assign(rows->row.size(), -1);
    rows->segment.assign(rows->row.size(), -1);
  }
  collectively(comm, [&] {
    RowNames names(*data.sources);
    for (const auto& [row, place] : places) {
      const auto [image, segment] = names.of(row);
      place.first->image[place.second] = image;
      place.first->segment[place.second] = segment;
    }
  });
  for (ExampleRows* rows : examples) {
    comm.allreduce(rows->image, ReduceOp::max);
    std::vector<std::int64_t> segments(rows->segment.begin(), rows->segment.end());
    comm.allreduce(segments, ReduceOp::max);
    std::ranges::transform(segments, rows->segment.begin(),
                           [](std::int64_t segment) { return static_cast<std::int32_t>(segment); });
  }
}

ExampleRows examples_of(ChosenRows chosen) {
  return {.count = chosen.count,
          .row = std::move(chosen.row),
          .distance = std::move(chosen.distance),
          .image = {},
          .segment = {}};
}

/// COLLECTIVE.
std::vector<ClusterExamples> examples_of_all(const DescriptorRows& data, std::span<const RowClusters> clusterings,
                                             int threads, Communicator& comm) {
  const Progress progress("looking for examples", 0, comm.rank() != 0);
  std::vector<ClusterExamples> all;
  for (ExtremeRows& found : extreme_rows(*data.rows, clusterings, example_counts, threads, best_simd_path(), comm)) {
    all.push_back({examples_of(std::move(found.nearest)), examples_of(std::move(found.farthest))});
  }
  if (!data.names_images) return all;
  std::vector<ExampleRows*> rows;
  for (ClusterExamples& one : all) rows.insert(rows.end(), {&one.nearest, &one.farthest});
  add_images(std::move(rows), data, comm);
  return all;
}

}  // namespace

std::int64_t examples_bytes(const ClusterConfig& config) {
  std::int64_t clusters = config.fine.value_or(0);
  for (const int k : config.k) clusters += k;
  // In the result, beside what the search holds: as the file has them.
  constexpr std::int64_t of_row = 2 * sizeof(std::int64_t) + sizeof(double) + sizeof(std::int32_t);
  return extreme_rows_bytes(clusters, example_counts) +
         clusters * (example_counts.nearest + example_counts.farthest) * of_row;
}

std::vector<ExamplesOfK> find_examples(const DescriptorRows& data, std::span<const Clustering> made, int threads,
                                       Communicator& comm) {
  std::vector<RowClusters> clusterings;
  for (const Clustering& one : made) {
    clusterings.push_back({.centroids = one.result.centroids,
                           .clusters = one.result.clusters,
                           .labels = one.result.assignment,
                           .cluster_of_label = {}});
  }
  std::vector<ExamplesOfK> examples;
  for (ClusterExamples& one : examples_of_all(data, clusterings, threads, comm)) {
    examples.push_back({std::move(one), std::nullopt});
  }
  return examples;
}

std::vector<ExamplesOfK> find_examples(const DescriptorRows& data, std::span<const Clustering> cuts,
                                       std::span<const FineFit* const> fits, int threads, Communicator& comm) {
  std::vector<std::vector<std::int32_t>> joined;
  for (std::size_t i = 0; i < cuts.size(); ++i) {
    const FineClusters& fine = fits[i]->clusters;
    joined.push_back(cut_tree(fine.tree, cuts[i].result.clusters, fine.rows));
  }
  std::vector<RowClusters> clusterings;
  for (std::size_t i = 0; i < cuts.size(); ++i) {
    clusterings.push_back({.centroids = cuts[i].result.centroids,
                           .clusters = cuts[i].result.clusters,
                           .labels = fits[i]->labels,
                           .cluster_of_label = joined[i]});
  }
  // The fine ones of each fit once, behind the cuts.
  std::map<const FineFit*, std::size_t> place_of;
  for (const FineFit* fit : fits) {
    if (!place_of.try_emplace(fit, clusterings.size()).second) continue;
    clusterings.push_back({.centroids = fit->clusters.centroids,
                           .clusters = fit->clusters.tree.leaves,
                           .labels = fit->labels,
                           .cluster_of_label = {}});
  }
  const std::vector<ClusterExamples> found = examples_of_all(data, clusterings, threads, comm);
  std::vector<ExamplesOfK> examples;
  for (std::size_t i = 0; i < cuts.size(); ++i) examples.push_back({found[i], found[place_of.at(fits[i])]});
  return examples;
}

}  // namespace datus
