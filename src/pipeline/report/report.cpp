// SPDX-License-Identifier: Apache-2.0
#include "pipeline/report/report.hpp"

#include "datus/core/parallel.hpp"
#include "datus/io/atomic_file.hpp"
#include "datus/io/image_writer.hpp"
#include "datus/io/palette.hpp"
#include "datus/pipeline/cluster_selection.hpp"
#include "datus/pipeline/report_limits.hpp"
#include "datus/pipeline/score_files.hpp"
#include "pipeline/files/cluster_classes.hpp"
#include "pipeline/files/run_masks.hpp"
#include "pipeline/files/segments_file.hpp"
#include "pipeline/inputs/input_preparation.hpp"
#include "pipeline/report/report_page.hpp"
#include "pipeline/report/report_pictures.hpp"
#include "pipeline/session/progress.hpp"
#include "pipeline/session/segment_words.hpp"
#include "pipeline/shards/segment_totals.hpp"
#include "pipeline/stages/mask.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace datus {
namespace {

namespace fs = std::filesystem;

/// Evenly chosen images of the list, among those that are readable by their header.
std::vector<std::int64_t> choose_images(const RunContext& run, int max_images) {
  std::vector<std::int64_t> readable;
  for (std::int64_t i = 0; i < run.list.size(); ++i) {
    if (run.list.images[static_cast<std::size_t>(i)].is_readable()) readable.push_back(i);
  }
  const auto count = static_cast<std::int64_t>(readable.size());
  if (count <= max_images) return readable;
  std::vector<std::int64_t> chosen;
  for (std::int64_t i = 0; i < max_images; ++i) {
    chosen.push_back(readable[static_cast<std::size_t>(i * count / max_images)]);
  }
  return chosen;
}

/// Draws the pictures of one image into the report's folder.
class Painter {
 public:
  Painter(const RunContext& run, const ReportData& data) : run_(run), masks_(masks_of_run(run)), data_(data) {}

  enum Painted : std::int64_t { nothing, image_only, with_truth };

  /// `nothing` when the image cannot be read after all.
  Painted paint(std::int64_t image) const {
    Image original;
    try {
      original = read_image(run_.image_path(image), run_.orientation());
    } catch (const InputError&) {
      return nothing;
    }
    const Image picture = thumbnail(original, report_picture_width);
    save(image, "image", picture);
    save(image, "segments", overlay(picture, at_size_of(segments_of(image, original), picture), distinct_palette(64)));
    for (const auto& result : data_.results) {
      const LabelMap mask = at_size_of(masks_.read(result.k, image), picture);
      save(image, RunDirectory::cluster_name(result.k), overlay(picture, mask, label_palette(result.k)));
      if (!result.mapping.empty()) {
        LabelMap matched = mask;
        for (auto& label : matched.labels) {
          if (label >= 0) label = result.mapping[static_cast<std::size_t>(label)];
        }
        save(image, RunDirectory::cluster_name(result.k) + "-classes",
             overlay(picture, matched, label_palette(data_.classes)));
      }
    }
    return paint_truth(image, picture) ? with_truth : image_only;
  }

 private:
  /// False where there is none, and where it cannot be read: then evaluation has failed and the page says why.
  bool paint_truth(std::int64_t image, const Image& picture) const {
    const DatasetItem& item = run_.dataset->items()[static_cast<std::size_t>(image)];
    if (item.truth.empty()) return false;
    LabelMap truth;
    try {
      truth = run_.dataset->read_truth(item);
    } catch (const InputError&) {
      return false;
    }
    save(image, "truth", overlay(picture, at_size_of(truth, picture), label_palette(data_.classes)));
    return true;
  }

  void save(std::int64_t image, const std::string& what, const Image& picture) const {
    const fs::path path = run_.directory.report().parent_path() / picture_name(image, what);
    AtomicFile file(path, run_.writing());
    write_png(file.path(), picture);
    file.commit();
  }

  LabelMap segments_of(std::int64_t image, const Image& original) const {
    const ShardIndex shard{image / run_.list.shard_size};
    const auto file = read_segments(run_.directory.segments(shard), run_.provenance.of(Stage::segment).of_shard(shard));
    const auto place = std::find(file.images.image.begin(), file.images.image.end(), image);
    const auto index = static_cast<std::size_t>(place - file.images.image.begin());
    const auto patches = static_cast<std::size_t>(file.grid.patches());
    const auto map = std::span(file.segment).subspan(index * patches, patches);
    const std::vector<std::int32_t> labels(map.begin(), map.end());
    const InputPreparation preparation(run_.config.model, run_.config.model.input_size.rows / file.grid.rows,
                                       Resample::bicubic);
    return preparation.geometry(original.height, original.width).to_original(labels);
  }

  const RunContext& run_;
  RunMasks masks_;
  const ReportData& data_;
};

/// What the page says of each K: scores, the mapping that is drawn, pixels of each cluster.
std::vector<ReportResult> collect_results(const RunContext& run) {
  std::vector<ReportResult> results;
  for (const int k : run.config.cluster.k) {
    ReportResult result;
    result.k = k;
    if (fs::exists(run.directory.scores(k))) {
      result.evaluation = read_scores(run.directory.scores(k));
      if (!result.evaluation->protocols.empty()) {
        result.mapping = result.evaluation->protocols.front().scores.mapping;
        result.iou = result.evaluation->protocols.front().scores.iou;
      }
    }
    if (!result.evaluation) {
      if (auto carried = classes_of_run(run.directory, k)) {
        result.mapping = std::move(carried->mapping);
        result.classes = carried->classes;
        result.class_names = std::move(carried->class_names);
        result.classes_from = std::move(carried->source);
      }
    }
    results.push_back(std::move(result));
  }
  return results;
}

/// The table of all values of K, in ascending order.
std::vector<ClusterSummary> collect_selection(const RunContext& run) {
  std::vector<ClusterSummary> selection;
  for (const int k : run.config.cluster.k) {
    if (fs::exists(run.directory.centroids(k))) selection.push_back(read_cluster_summary(run.directory.centroids(k)));
  }
  std::ranges::sort(selection, {}, &ClusterSummary::k);
  return selection;
}

}  // namespace

void write_report(const RunContext& run, int max_images, const std::string& evaluation_failure) {
  ReportData data;
  std::vector<std::int64_t> chosen;
  collectively(run.comm, [&] {
    data.results = collect_results(run);
    data.evaluation_failure = evaluation_failure;
    data.class_names = run.dataset->classes();
    data.classes = static_cast<int>(data.class_names.size());
    for (const auto& result : data.results) {
      data.classes = std::max(data.classes, result.evaluation ? result.evaluation->classes : result.classes);
      if (data.class_names.empty()) data.class_names = result.class_names;
    }
    data.has_truth = run.dataset->has_truth();
    chosen = choose_images(run, max_images);
  });
  on_root(run.comm, [&] { make_folders(run.directory.report().parent_path() / "images"); });

  std::vector<std::int64_t> painted(chosen.size(), 0);
  collectively(run.comm, [&] {
    const Painter painter(run, data);
    const std::int64_t mine = (std::ssize(chosen) - run.comm.rank() + run.comm.size() - 1) / run.comm.size();
    Progress progress("report", mine, run.comm.rank() != 0);
    parallel_for(static_cast<std::int64_t>(chosen.size()), run.threads, [&](std::int64_t i) {
      if (i % run.comm.size() != run.comm.rank()) return;
      painted[static_cast<std::size_t>(i)] = painter.paint(chosen[static_cast<std::size_t>(i)]);
      progress.add(1);
    });
  });
  run.comm.allreduce(painted, ReduceOp::max);
  const auto tally = tally_of_run(run);
  on_root(run.comm, [&] {
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      if (painted[i] == Painter::nothing) continue;
      const std::string& name = run.list.images[static_cast<std::size_t>(chosen[i])].name;
      data.images.push_back({.image = chosen[i], .name = name, .has_truth = painted[i] == Painter::with_truth});
    }
    data.selection = collect_selection(run);
    data.title = run.directory.root().filename().string();
    data.image_count = run.list.size();
    if (tally) {
      data.segmentation = tally_text(*tally);
      data.warning = tally_warning(*tally, run.config);
    }
    data.settings = dump_config(run.config, false);
    data.backend = run.provenance.inputs().backend;
    data.images_description = run.images_description();
    write_text_atomically(run.directory.report(), report_page(data), run.writing());
  });
}

}  // namespace datus
