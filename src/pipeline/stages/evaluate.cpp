#include "datus/pipeline/evaluate.hpp"

#include "datus/algo/confusion.hpp"
#include "datus/core/error.hpp"
#include "datus/core/names.hpp"
#include "datus/core/parallel.hpp"
#include "datus/io/mask_file.hpp"
#include "pipeline/files/segments_file.hpp"
#include "pipeline/stages/evaluate.hpp"
#include "pipeline/stages/mask.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <utility>
#include <vector>

namespace datus {
namespace {

namespace fs = std::filesystem;

std::string protocol_name(EvaluateConfig::Protocol protocol) {
  switch (protocol) {
    case EvaluateConfig::Protocol::strict:
      return "strict";
    case EvaluateConfig::Protocol::datus_compat:
      return "datus-compat";
    case EvaluateConfig::Protocol::many_to_one:
      return "many_to_one";
  }
  return "";
}

Protocol protocol_of(EvaluateConfig::Protocol protocol) {
  switch (protocol) {
    case EvaluateConfig::Protocol::strict:
      return Protocol::strict;
    case EvaluateConfig::Protocol::datus_compat:
      return Protocol::datus_compat;
    case EvaluateConfig::Protocol::many_to_one:
      return Protocol::many_to_one;
  }
  return Protocol::strict;
}

/// A prediction and the ground truth that it is compared with.
struct Pair {
  fs::path prediction;
  DatasetItem truth;
};

/// COLLECTIVE. Confusion matrix over the pairs of all ranks; `pairs` are this rank's. `may_go_on` is asked before each
/// pair and gives up by throwing.
ConfusionMatrix compare(const std::vector<Pair>& pairs, const Dataset& dataset, int clusters, int classes, int threads,
                        const std::function<void()>& may_go_on, Communicator& comm) {
  ConfusionMatrix matrix(clusters, classes);
  std::mutex mutex;
  collectively(comm, [&] {
    parallel_for(static_cast<std::int64_t>(pairs.size()), threads, [&](std::int64_t i) {
      may_go_on();
      const auto& pair = pairs[static_cast<std::size_t>(i)];
      const LabelMap prediction = read_mask(pair.prediction);
      const LabelMap truth = dataset.read_truth(pair.truth);
      try {
        const std::scoped_lock lock(mutex);
        matrix.add(prediction, truth);
      } catch (const Error& error) {
        throw InputError("Cannot compare " + pair.prediction.string() + " with " + pair.truth.truth.string(),
                         error.what(), "");
      }
    });
  });
  comm.allreduce(matrix.values(), ReduceOp::sum);
  return matrix;
}

Evaluation score_all(const ConfusionMatrix& matrix, const Config& config, int clusters, int classes,
                     const std::optional<fs::path>& mapping_file) {
  Evaluation evaluation;
  evaluation.k = clusters;
  evaluation.classes = classes;
  evaluation.void_value = config.dataset.void_label;
  const auto cells = matrix.values().first(static_cast<std::size_t>(clusters) * static_cast<std::size_t>(classes));
  evaluation.counts.assign(cells.begin(), cells.end());
  for (const auto protocol : config.evaluate.protocols) {
    const std::string name = protocol_name(protocol);
    std::optional<std::vector<int>> mapping;
    if (mapping_file) mapping = read_mapping(*mapping_file, name, clusters, classes);
    evaluation.protocols.emplace_back(name, score(matrix, protocol_of(protocol), mapping));
  }
  return evaluation;
}

/// Predictions of the readable images in this rank's share of the shards, by the shards' own lists.
std::vector<Pair> pairs_of_run(const RunContext& run, int k) {
  std::vector<Pair> pairs;
  const auto [begin, end] = share_of(run.list.shards(), run.comm);
  for (std::int64_t shard = begin; shard < end; ++shard) {
    require_current_masks(run, k, {shard});
    const auto segments =
        read_segments(run.directory.segments({shard}), run.provenance.of(Stage::segment).of_shard({shard}));
    for (const auto image : segments.images.image) {
      const auto& item = run.dataset->items()[static_cast<std::size_t>(image)];
      pairs.push_back({run.directory.mask(k, item.name), item});
    }
  }
  return pairs;
}

/// Truth files without a prediction; images are paired by the data set already.
void require_no_extra_truth(const fs::path& truth, const Dataset& dataset) {
  std::set<std::string> stems;
  for (const auto& item : dataset.items()) stems.insert(stem_of(item.truth_name));
  for (const auto& entry : fs::recursive_directory_iterator(truth)) {
    if (!entry.is_regular_file()) continue;
    std::string extension = entry.path().extension().string();
    std::transform(extension.begin(), extension.end(), extension.begin(),
                   [](unsigned char c) { return std::tolower(c); });
    if (extension != ".png" && extension != ".bmp") continue;
    const std::string stem = stem_of(fs::relative(entry.path(), truth).generic_string());
    if (stems.contains(stem)) continue;
    throw InputError("Ground truth " + entry.path().string() + " has no prediction",
                     "files pair by their name without extension", "Add the prediction, or remove the file.");
  }
}

std::unique_ptr<Dataset> open_pairs(const Config& config, const EvaluateRequest& request) {
  DatasetOptions options;
  options.kind = config.dataset.kind == DatasetConfig::Kind::suim ? "suim" : "index_png";
  options.images = request.predictions;
  options.truth = request.truth;
  if (!request.classes.empty()) options.classes = request.classes;
  options.label_map = config.dataset.label_map;
  options.void_value = config.dataset.void_label;
  auto dataset = open_dataset(options);
  if (options.kind == "index_png") require_no_extra_truth(request.truth, *dataset);
  return dataset;
}

/// COLLECTIVE. Largest prediction and truth label over the pairs of all ranks; `pairs` are this rank's.
std::array<std::int64_t, 2> largest_labels(const std::vector<Pair>& pairs, const Dataset& dataset, int threads,
                                           Communicator& comm) {
  std::array<std::int64_t, 2> largest = {-1, -1};
  std::mutex mutex;
  collectively(comm, [&] {
    parallel_for(static_cast<std::int64_t>(pairs.size()), threads, [&](std::int64_t i) {
      const auto& pair = pairs[static_cast<std::size_t>(i)];
      const LabelMap prediction = read_mask(pair.prediction);
      const LabelMap truth = dataset.read_truth(pair.truth);
      const std::scoped_lock lock(mutex);
      for (const auto label : prediction.labels) largest[0] = std::max<std::int64_t>(largest[0], label);
      for (const auto label : truth.labels) largest[1] = std::max<std::int64_t>(largest[1], label);
    });
  });
  comm.allreduce(largest, ReduceOp::max);
  return largest;
}

}  // namespace

std::optional<Evaluation> evaluate_run(const RunContext& run, int k) {
  if (!run.dataset->has_truth()) return std::nullopt;
  std::vector<Pair> pairs;
  int classes = static_cast<int>(run.dataset->classes().size());
  collectively(run.comm, [&] {
    if (run.config.mask.resolution != MaskConfig::Resolution::original) {
      throw UsageError("Masks at mask.resolution other than original cannot be evaluated",
                       "the truth has the images' own size", "Set mask.resolution: original.");
    }
    pairs = pairs_of_run(run, k);
  });
  if (classes == 0) {
    classes = static_cast<int>(largest_labels(pairs, *run.dataset, run.threads, run.comm)[1] + 1);
  }
  const auto may_go_on = [&] {
    run.signals->check_grace(std::chrono::seconds(run.config.run.grace), "The stage evaluate");
  };
  const auto matrix = compare(pairs, *run.dataset, k, std::max(classes, 1), run.threads, may_go_on, run.comm);
  Evaluation evaluation;
  collectively(run.comm, [&] {
    const auto mapping = run.fitted ? run.fitted->directory.scores(k) : fs::path();
    const bool has_fitted_mapping = run.fitted && fs::exists(mapping);
    evaluation = score_all(matrix, run.config, k, std::max(classes, 1),
                           has_fitted_mapping ? std::optional(mapping) : run.config.evaluate.mapping);
    const std::string here = run.images_description();
    const bool mapped_elsewhere = has_fitted_mapping || run.config.evaluate.mapping.has_value();
    evaluation.class_names = run.dataset->classes();
    evaluation.provenance = {
        {"fitted_on", run.fitted ? run.fitted->description : here},
        {"assigned_on", here},
        {"matched_on", has_fitted_mapping ? run.fitted->description
                       : mapped_elsewhere ? "a given mapping"
                                          : here},
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
    const auto [begin, end] = share_of(static_cast<std::int64_t>(dataset->items().size()), comm);
    for (std::int64_t i = begin; i < end; ++i) {
      const auto& item = dataset->items()[static_cast<std::size_t>(i)];
      pairs.push_back({item.image, item});
    }
  });
  auto clusters = static_cast<std::int64_t>(request.clusters.value_or(0));
  auto classes = static_cast<std::int64_t>(dataset->classes().size());
  if (clusters == 0 || classes == 0) {
    const auto largest = largest_labels(pairs, *dataset, threads, comm);
    if (clusters == 0) clusters = std::max<std::int64_t>(1, largest[0] + 1);
    if (classes == 0) classes = std::max<std::int64_t>(1, largest[1] + 1);
  }
  const auto matrix = compare(
      pairs, *dataset, static_cast<int>(clusters), static_cast<int>(classes), threads, [] {}, comm);
  Evaluation evaluation;
  collectively(comm, [&] {
    evaluation =
        score_all(matrix, config, static_cast<int>(clusters), static_cast<int>(classes), config.evaluate.mapping);
    evaluation.class_names = dataset->classes();
    evaluation.provenance = {{"matched_on", config.evaluate.mapping ? "a given mapping" : "these files"},
                             {"images", std::to_string(dataset->items().size())}};
  });
  on_root(comm, [&] {
    if (request.json) write_scores(*request.json, evaluation);
  });
  return evaluation;
}

}  // namespace datus
