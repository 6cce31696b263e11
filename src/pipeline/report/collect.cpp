// SPDX-License-Identifier: Apache-2.0
#include "pipeline/report/collect.hpp"

#include "datus/algo/principal_axes.hpp"
#include "datus/config/cluster_names.hpp"
#include "datus/pipeline/report_limits.hpp"
#include "pipeline/files/cluster_classes.hpp"
#include "pipeline/files/cluster_files.hpp"
#include "pipeline/files/current_scores.hpp"
#include "pipeline/files/kept_names.hpp"
#include "pipeline/files/verified_file.hpp"
#include "pipeline/report/segment_sample.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>
#include <utility>

namespace datus {
namespace {

namespace fs = std::filesystem;

std::vector<ClusterExample> examples_of(const ExampleRows& rows, int cluster) {
  std::vector<ClusterExample> examples;
  for (int i = 0; i < rows.count; ++i) {
    const auto at =
        static_cast<std::size_t>(cluster) * static_cast<std::size_t>(rows.count) + static_cast<std::size_t>(i);
    if (rows.row[at] < 0 || rows.image.empty()) break;
    examples.push_back({.image = rows.image[at], .segment = rows.segment[at], .distance = rows.distance[at]});
  }
  return examples;
}

void read_classes(const RunContext& run, ReportResult& result) {
  if (fs::exists(run.directory.scores(result.k))) {
    Evaluation scores = read_scores(run.directory.scores(result.k));
    const std::string wanted = run.provenance.of(Stage::evaluate, result.k).hash().hex();
    result.left_out = why_not_current(scores, wanted, run.dataset->has_truth());
    if (result.left_out.empty()) {
      result.evaluation = std::move(scores);
      if (const ProtocolScores* first = result.scores()) result.mapping = first->scores.mapping;
      return;
    }
  }
  // The clusters of scores that are left out are still these: else the scores would have been removed.
  if (auto carried = classes_of_run(run.directory, result.k)) {
    result.mapping = std::move(carried->mapping);
    result.classes = carried->classes;
    result.class_names = std::move(carried->class_names);
    result.class_colours = std::move(carried->class_colours);
    result.classes_from = std::move(carried->source) + (result.left_out.empty() ? "" : ", of an earlier job");
  }
}

/// Where nothing else tells of classes, those that a person names are the classes.
void read_names(const fs::path& file, ReportResult& result) {
  const bool has_classes = !result.mapping.empty();
  if (!has_classes) {
    result.mapping.assign(static_cast<std::size_t>(result.k), -1);
    result.classes_from = file.filename().string();
  }
  for (const auto& [cluster, name] : read_cluster_names(file, result.k)) {
    if (!name) continue;
    result.clusters[static_cast<std::size_t>(cluster)].name = *name;
    if (has_classes) continue;
    const auto known = std::ranges::find(result.class_names, *name);
    result.mapping[static_cast<std::size_t>(cluster)] = static_cast<int>(known - result.class_names.begin());
    if (known == result.class_names.end()) result.class_names.push_back(*name);
  }
  if (!has_classes) result.classes = static_cast<int>(result.class_names.size());
}

Hdf5Reader open_clusters(const RunContext& run, int k) {
  return open_verified(run.directory.centroids(k), run.provenance.of(Stage::cluster, k));
}

/// The joints of the clusters alone: all but the last k - 1 merges are inside of them.
std::vector<ReportJoint> joints_of(const FineClusters& fine, const std::vector<std::int32_t>& cluster_of_fine, int k) {
  const ClusterTree& tree = fine.tree;
  std::vector<int> part(static_cast<std::size_t>(2 * tree.leaves - 1));  // cluster, or k + joint, of each node
  for (std::size_t i = 0; i < cluster_of_fine.size(); ++i) part[i] = cluster_of_fine[i];
  std::vector<ReportJoint> joints;
  for (std::size_t i = 0; i < tree.merges.size(); ++i) {
    const ClusterTree::Merge& merge = tree.merges[i];
    const int first = part[static_cast<std::size_t>(merge.first)];
    const int second = part[static_cast<std::size_t>(merge.second)];
    int& joined = part[static_cast<std::size_t>(tree.leaves) + i];
    joined = first;
    if (first == second) continue;
    joined = k + static_cast<int>(joints.size());
    joints.push_back({.first = first, .second = second, .height = merge.height});
  }
  return joints;
}

/// The centroids in the plane in which they differ most, the fine ones where there is a tree; and segments in it.
void place_points(ReportResult& result, const Centroids& centroids, const std::optional<FineClusters>& fine,
                  const std::vector<std::int32_t>& cluster_of_fine, const SegmentSample& sample,
                  const AssignmentFile& assignment) {
  std::vector<std::int64_t> rows;
  if (fine) {
    rows = fine->rows;
  } else {
    for (const ReportCluster& cluster : result.clusters) rows.push_back(cluster.segments);
  }
  const PrincipalPlane plane =
      principal_plane(fine ? fine->centroids : centroids.values, fine ? fine->dim : centroids.dim, rows);
  result.point_shares = plane.shares;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const int cluster = fine ? cluster_of_fine[i] : static_cast<int>(i);
    result.points.push_back({.place = plane.points[i], .cluster = cluster, .rows = rows[i]});
  }
  result.dots.resize(result.clusters.size());
  for (std::size_t i = 0; i < sample.rows.size(); ++i) {
    const std::int32_t cluster = assignment.clusters[static_cast<std::size_t>(sample.rows[i])];
    if (cluster >= 0) result.dots[static_cast<std::size_t>(cluster)].push_back(plane.place(sample.descriptor(i)));
  }
}

void find_similar(const Centroids& centroids, std::vector<ReportCluster>& clusters) {
  constexpr std::size_t most = 3;
  constexpr std::size_t most_compared = 1000;  // all pairs of more take long
  if (clusters.size() > most_compared) return;
  const auto dim = static_cast<std::size_t>(centroids.dim);
  const auto product = [&](std::size_t a, std::size_t b) {
    double sum = 0;
    for (std::size_t i = 0; i < dim; ++i) sum += centroids.values[a * dim + i] * centroids.values[b * dim + i];
    return sum;
  };
  std::vector<double> lengths;
  for (std::size_t i = 0; i < clusters.size(); ++i) lengths.push_back(std::sqrt(product(i, i)));
  for (std::size_t i = 0; i < clusters.size(); ++i) {
    auto& similar = clusters[i].similar;
    for (std::size_t j = 0; j < clusters.size(); ++j) {
      if (i == j || lengths[i] == 0 || lengths[j] == 0) continue;
      similar.emplace_back(static_cast<int>(j), product(i, j) / (lengths[i] * lengths[j]));
    }
    std::ranges::stable_sort(similar, std::ranges::greater(), &std::pair<int, double>::second);
    if (similar.size() > most) similar.resize(most);
  }
}

/// As many as the page has room for: of many clusters those of the first ones alone, which are the largest of a tree.
void choose_examples(std::vector<ReportResult>& results) {
  constexpr std::size_t fewest = 3;
  std::size_t clusters = 0;
  for (const ReportResult& result : results) clusters += result.clusters.size();
  const std::size_t of_each = std::max(fewest, report_cutouts / std::max<std::size_t>(1, clusters));
  const std::size_t farthest = std::clamp<std::size_t>(of_each / 4, 1, 4);
  const std::size_t nearest = std::min<std::size_t>(of_each - farthest, 12);
  const std::size_t with_examples = report_cutouts / fewest / std::max<std::size_t>(1, results.size());
  for (ReportResult& result : results) {
    for (std::size_t i = 0; i < result.clusters.size(); ++i) {
      ReportCluster& cluster = result.clusters[i];
      const bool has_room = i < with_examples;
      cluster.nearest.resize(std::min(cluster.nearest.size(), has_room ? nearest : 0));
      // Of a small cluster the farthest are among the nearest.
      std::erase_if(cluster.farthest, [&](const ClusterExample& far) {
        return std::ranges::any_of(cluster.nearest, [&](const ClusterExample& near) {
          return near.image == far.image && near.segment == far.segment;
        });
      });
      cluster.farthest.resize(std::min(cluster.farthest.size(), has_room ? farthest : 0));
    }
  }
}

}  // namespace

std::vector<ReportResult> collect_results(const RunContext& run, const std::optional<NamesOfClusters>& names) {
  std::vector<ReportResult> results;
  for (const int k : run.config.cluster.k) {
    ReportResult& result = results.emplace_back();
    result.k = k;
    result.clusters.resize(static_cast<std::size_t>(k));
    read_classes(run, result);
    if (names && names->k == k) {
      read_names(names->file, result);
    } else if (const auto kept =
                   kept_names(run.directory, k, run.provenance.of(Stage::cluster, k), result.names_left_out)) {
      read_names(*kept, result);
    }
    const auto examples = read_cluster_examples(open_clusters(run, k), "").clusters;
    for (int cluster = 0; cluster < k; ++cluster) {
      result.clusters[static_cast<std::size_t>(cluster)].nearest = examples_of(examples.nearest, cluster);
      result.clusters[static_cast<std::size_t>(cluster)].farthest = examples_of(examples.farthest, cluster);
    }
  }
  const ReportClasses classes = classes_of(run, results);
  for (ReportResult& result : results) {
    const Palette colours = cluster_colours(result.k, result.mapping, classes);
    for (std::size_t i = 0; i < result.clusters.size(); ++i) {
      result.clusters[i].colour = colours.of(static_cast<int>(i));
      if (!result.mapping.empty()) result.clusters[i].matched = result.mapping[i];
    }
  }
  return results;
}

ReportClasses classes_of(const RunContext& run, const std::vector<ReportResult>& results) {
  ReportClasses classes{static_cast<int>(run.dataset->classes().size()), run.dataset->class_colours()};
  for (const ReportResult& result : results) {
    classes.count = std::max(classes.count, result.evaluation ? result.evaluation->classes : result.classes);
    const auto& given = result.evaluation ? result.evaluation->class_colours : result.class_colours;
    if (!given.empty()) classes.given = given;
  }
  if (std::ssize(classes.given) != classes.count) classes.given.clear();
  return classes;
}

void describe_clusters(const RunContext& run, std::vector<ReportResult>& results) {
  std::optional<SegmentSample> sample;  // the same for all K
  for (ReportResult& result : results) {
    const auto assignment =
        read_assignment(run.directory.assignment(result.k), run.provenance.of(Stage::cluster, result.k));
    for (const std::int32_t cluster : assignment.clusters) {
      if (cluster >= 0) ++result.clusters[static_cast<std::size_t>(cluster)].segments;
    }
    const Hdf5Reader reader = open_clusters(run, result.k);
    const Centroids centroids = read_centroids(reader, "centroids");
    const auto fine = read_fine_clusters(reader, "");
    std::vector<std::int32_t> cluster_of_fine;
    if (fine) {
      cluster_of_fine = cut_tree(fine->tree, result.k, fine->rows);
      for (const std::int32_t cluster : cluster_of_fine) ++result.clusters[static_cast<std::size_t>(cluster)].fine;
      result.joints = joints_of(*fine, cluster_of_fine, result.k);
    }
    if (!sample) sample = sample_segments(run, assignment.shard_offset);
    place_points(result, centroids, fine, cluster_of_fine, *sample, assignment);
    find_similar(centroids, result.clusters);
  }
}

std::vector<PictureRequest> choose_pictures(const RunContext& run, std::vector<ReportResult>& results, int max_images) {
  std::vector<std::int64_t> readable;
  for (std::int64_t i = 0; i < run.list.size(); ++i) {
    if (run.list.images[static_cast<std::size_t>(i)].is_readable()) readable.push_back(i);
  }
  const auto count = std::ssize(readable);
  const std::int64_t shown = std::min<std::int64_t>(count, max_images);
  std::map<std::int64_t, PictureRequest> requests;
  for (std::int64_t i = 0; i < shown; ++i) {
    const std::int64_t image = readable[static_cast<std::size_t>(i * count / shown)];
    requests[image] = {.image = image, .is_shown = true, .segments = {}};
  }
  choose_examples(results);
  std::map<std::int64_t, std::set<int>> segments;
  for (const ReportResult& result : results) {
    for (const ReportCluster& cluster : result.clusters) {
      for (const auto* examples : {&cluster.nearest, &cluster.farthest}) {
        for (const ClusterExample& example : *examples) segments[example.image].insert(example.segment);
      }
    }
  }
  for (const auto& [image, of_image] : segments) {
    requests[image].image = image;
    requests[image].segments.assign(of_image.begin(), of_image.end());
  }
  std::vector<PictureRequest> list;
  for (auto& [image, request] : requests) list.push_back(std::move(request));
  return list;
}

}  // namespace datus
