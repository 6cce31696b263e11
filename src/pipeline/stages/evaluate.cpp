#include "datus/pipeline/evaluate.hpp"

#include "datus/algo/boundary.hpp"
#include "datus/algo/confusion.hpp"
#include "datus/core/error.hpp"
#include "datus/core/log.hpp"
#include "datus/core/names.hpp"
#include "datus/core/parallel.hpp"
#include "datus/core/text.hpp"
#include "datus/io/input_guard.hpp"
#include "datus/io/mask_file.hpp"
#include "pipeline/files/segments_file.hpp"
#include "pipeline/inputs/options_of_config.hpp"
#include "pipeline/inputs/plain_images.hpp"
#include "pipeline/session/progress.hpp"
#include "pipeline/stages/evaluate.hpp"
#include "pipeline/stages/mask.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace datus {
namespace {

namespace fs = std::filesystem;

/// A prediction and the ground truth that it is compared with.
struct Pair {
  fs::path prediction;
  DatasetItem truth;
};

/// How many there are; 0: as many as the largest label says.
struct Sizes {
  int clusters = 0;
  int classes = 0;
};

/// What evaluation counts.
struct PixelCounts {
  ConfusionMatrix matrix;
  BoundaryCounts boundary;
};

/// Counts of this rank's images: some for each thread at work, so that none waits for another.
class Counts {
 public:
  explicit Counts(const Sizes& sizes)
      : sizes_(sizes),
        empty_{ConfusionMatrix(sizes.clusters == 0 ? 1 : sizes.clusters, sizes.classes == 0 ? 1 : sizes.classes), {}} {}

  /// From any thread. Throws what `ConfusionMatrix::add` throws.
  void add(const LabelMap& prediction, const LabelMap& truth) {
    PixelCounts counts = take();
    ConfusionMatrix& matrix = counts.matrix;
    matrix.grow(sizes_.clusters == 0 ? room_for(prediction, matrix.clusters()) : sizes_.clusters,
                sizes_.classes == 0 ? room_for(truth, matrix.classes()) : sizes_.classes);
    matrix.add(prediction, truth);
    counts.boundary.add(prediction, truth);
    const std::scoped_lock lock(mutex_);
    idle_.push_back(std::move(counts));
  }

  /// COLLECTIVE. The sum over all threads and ranks.
  [[nodiscard]] PixelCounts sum(Communicator& comm) {
    std::array<std::int64_t, 2> size = {empty_.matrix.clusters(), empty_.matrix.classes()};
    for (const auto& [matrix, boundary] : idle_) {
      size = {std::max<std::int64_t>(size[0], matrix.clusters()), std::max<std::int64_t>(size[1], matrix.classes())};
    }
    comm.allreduce(size, ReduceOp::max);
    const auto clusters = static_cast<int>(size[0]);
    const auto classes = static_cast<int>(size[1]);
    PixelCounts sum{ConfusionMatrix(clusters, classes), {}};
    for (auto& [matrix, boundary] : idle_) {
      matrix.grow(clusters, classes);
      sum.matrix += matrix;
      sum.boundary += boundary;
    }
    comm.allreduce(sum.matrix.values(), ReduceOp::sum);
    comm.allreduce(sum.boundary.values(), ReduceOp::sum);
    return sum;
  }

 private:
  static int room_for(const LabelMap& map, int count) {
    const auto largest = std::max_element(map.labels.begin(), map.labels.end());
    return largest == map.labels.end() ? count : std::max(count, *largest + 1);
  }

  PixelCounts take() {
    const std::scoped_lock lock(mutex_);
    if (idle_.empty()) return empty_;
    PixelCounts counts = std::move(idle_.back());
    idle_.pop_back();
    return counts;
  }

  Sizes sizes_;
  PixelCounts empty_;
  std::mutex mutex_;
  std::vector<PixelCounts> idle_;
};

/// COLLECTIVE. Counts over the pairs of all ranks; `pairs` are this rank's. `may_go_on` is asked before each
/// pair and gives up by throwing. Rank 0 tells how far it is with its own.
PixelCounts compare(const std::vector<Pair>& pairs, const Dataset& dataset, const Sizes& sizes, int threads,
                    const std::function<void()>& may_go_on, Communicator& comm) {
  Counts counts(sizes);
  collectively(comm, [&] {
    Progress progress("evaluate", std::ssize(pairs), comm.rank() != 0);
    parallel_for(static_cast<std::int64_t>(pairs.size()), threads, [&](std::int64_t i) {
      may_go_on();
      const auto& pair = pairs[static_cast<std::size_t>(i)];
      const LabelMap prediction = read_mask(pair.prediction);
      const LabelMap truth = dataset.read_truth(pair.truth);
      try {
        counts.add(prediction, truth);
      } catch (const Error& error) {
        throw InputError("Cannot compare " + pair.prediction.string() + " with " + pair.truth.truth.string(),
                         error.what(), "");
      }
      progress.add(1);
    });
  });
  return counts.sum(comm);
}

/// Classes without names are counted from the values that occur; those of a mapping are there all the same.
int classes_with(const fs::path& mapping_file, int counted) {
  return std::max(counted, read_scores(mapping_file).classes);
}

Evaluation score_all(PixelCounts counts, const Config& config, const Dataset& dataset,
                     const std::optional<fs::path>& mapping_file) {
  ConfusionMatrix& matrix = counts.matrix;
  if (mapping_file && dataset.classes().empty()) {
    matrix.grow(matrix.clusters(), classes_with(*mapping_file, matrix.classes()));
  }
  Evaluation evaluation;
  evaluation.boundary = score(counts.boundary);
  evaluation.k = matrix.clusters();
  evaluation.classes = matrix.classes();
  evaluation.void_value = config.dataset.void_label;
  evaluation.class_names = dataset.classes();
  const auto cells = matrix.counts();
  evaluation.counts.assign(cells.data(), cells.data() + cells.size());
  const Eigen::RowVectorX<std::int64_t> of_class = matrix.counts_and_unassigned().colwise().sum();
  evaluation.truth = {{of_class.begin(), of_class.end()}, matrix.void_pixels()};
  for (const auto protocol : config.evaluate.protocols) {
    const std::string name = protocol_name(protocol);
    std::optional<std::vector<int>> mapping;
    if (mapping_file) {
      mapping = read_mapping(*mapping_file, name, evaluation.k, evaluation.classes, evaluation.class_names);
    }
    evaluation.protocols.emplace_back(name, score(matrix, protocol_of(protocol), mapping));
  }
  return evaluation;
}

/// Predictions of the readable images with ground truth in this rank's share of the shards, by the shards' own lists.
std::vector<Pair> pairs_of_run(const RunContext& run, int k) {
  std::vector<Pair> pairs;
  const auto [begin, end] = share_of(run.list.shards(), run.comm);
  for (std::int64_t shard = begin; shard < end; ++shard) {
    require_current_masks(run, k, {shard});
    const auto segments =
        read_segments(run.directory.segments({shard}), run.provenance.of(Stage::segment).of_shard({shard}));
    for (const auto image : segments.images.image) {
      const auto& item = run.dataset->items()[static_cast<std::size_t>(image)];
      if (!item.truth.empty()) pairs.push_back({run.directory.mask(k, item.name), item});
    }
  }
  return pairs;
}

/// The scores whose mapping of clusters to classes is taken, where there are such.
std::optional<fs::path> mapping_for(const RunContext& run, int k) {
  if (run.fitted && fs::exists(run.fitted->directory.scores(k))) return run.fitted->directory.scores(k);
  return run.config.evaluate.mapping;
}

std::unique_ptr<Dataset> open_pairs(const Config& config, const EvaluateRequest& request) {
  DatasetOptions options;
  options.kind = kind_of_plain_files(config.dataset.kind, request.predictions, /*has_truth=*/true);
  options.images = request.predictions;
  options.images_are_predictions = true;
  options.truth = request.truth;
  options.classes = request.classes.empty() ? classes_of(config.dataset) : request.classes;
  options.list = config.dataset.list;
  if (options.kind == config.dataset.kind) options.split = config.dataset.split.value_or("");
  options.label_map = config.dataset.label_map;
  options.void_value = config.dataset.void_label;
  return open_dataset(options);
}

}  // namespace

void require_evaluable(const RunContext& run) {
  if (!run.dataset->has_truth()) return;
  collectively(run.comm, [&] {
    if (run.config.mask.resolution != MaskConfig::Resolution::original) {
      throw UsageError("Masks at mask.resolution other than original cannot be evaluated",
                       "the truth has the images' own size",
                       "Set mask.resolution: original, or leave out dataset.truth.");
    }
    const auto& names = run.dataset->classes();
    for (const int k : run.config.cluster.k) {
      const auto mapping = mapping_for(run, k);
      if (!mapping) continue;
      const int classes = names.empty() ? classes_with(*mapping, run.truth_classes) : static_cast<int>(names.size());
      for (const auto protocol : run.config.evaluate.protocols) {
        (void)read_mapping(*mapping, protocol_name(protocol), k, classes, names);
      }
    }
  });
}

std::optional<Evaluation> evaluate_run(const RunContext& run, int k) {
  if (!run.dataset->has_truth()) return std::nullopt;
  std::vector<Pair> pairs;
  collectively(run.comm, [&] { pairs = pairs_of_run(run, k); });
  // Of masks that are current: should the evaluation fail, no older scores may pass for theirs.
  on_root(run.comm, [&] {
    run.require_held();
    fs::remove(run.directory.scores(k));
  });
  const auto may_go_on = [&] {
    run.signals->check_grace(std::chrono::seconds(run.config.run.grace), "The stage evaluate");
  };
  const int classes = static_cast<int>(run.dataset->classes().size());
  auto counts = compare(pairs, *run.dataset, {k, classes}, run.threads, may_go_on, run.comm);
  std::int64_t scored = std::ssize(pairs);
  run.comm.allreduce(std::span(&scored, 1), ReduceOp::sum);
  Evaluation evaluation;
  collectively(run.comm, [&] {
    const auto mapping = mapping_for(run, k);
    evaluation = score_all(std::move(counts), run.config, *run.dataset, mapping);
    const std::string here = run.images_description();
    evaluation.provenance = {
        {"fitted_on", run.fitted ? run.fitted->description : here},
        {"assigned_on", here},
        {"matched_on", !mapping                                 ? here
                       : mapping == run.config.evaluate.mapping ? "a given mapping"
                                                                : run.fitted->description},
        {"scored_on", std::to_string(scored) + " of " + counted(run.list.size(), "image")},
        {"run", run.provenance.of(Stage::evaluate, k).hash().hex()},
    };
  });
  on_root(run.comm, [&] { write_scores(run.directory.scores(k), evaluation, run.writing()); });
  return evaluation;
}

Evaluation evaluate_folders(const Config& config, const EvaluateRequest& request, int threads, Communicator& comm) {
  std::unique_ptr<Dataset> dataset;
  std::vector<Pair> pairs;
  collectively(comm, [&] {
    dataset = open_pairs(config, request);
    if (request.json) {
      InputGuard({request.predictions, request.truth, request.classes, config.evaluate.mapping.value_or(fs::path()),
                  config.dataset.list.value_or(fs::path())})
          .check(*request.json);
    }
    const auto [begin, end] = share_of(static_cast<std::int64_t>(dataset->items().size()), comm);
    for (std::int64_t i = begin; i < end; ++i) {
      const auto& item = dataset->items()[static_cast<std::size_t>(i)];
      if (!item.truth.empty()) pairs.push_back({item.image, item});
    }
  });
  const Sizes sizes{request.clusters.value_or(0), static_cast<int>(dataset->classes().size())};
  auto counts = compare(
      pairs, *dataset, sizes, threads, [] {}, comm);
  Evaluation evaluation;
  collectively(comm, [&] {
    evaluation = score_all(std::move(counts), config, *dataset, config.evaluate.mapping);
    evaluation.provenance = {{"matched_on", config.evaluate.mapping ? "a given mapping" : "these files"},
                             {"images", std::to_string(dataset->truth_count())}};
  });
  if (comm.rank() == 0) {
    for (const std::string& note : dataset->truth_notes()) log::info(note);
  }
  on_root(comm, [&] {
    if (request.json) write_scores(*request.json, evaluation);
  });
  return evaluation;
}

}  // namespace datus
