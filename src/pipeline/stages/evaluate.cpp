// SPDX-License-Identifier: Apache-2.0
#include "datus/pipeline/evaluate.hpp"

#include "datus/algo/protocol.hpp"
#include "datus/core/error.hpp"
#include "datus/core/log.hpp"
#include "datus/core/names.hpp"
#include "datus/core/text.hpp"
#include "datus/io/input_guard.hpp"
#include "datus/model/evaluation_crop.hpp"
#include "pipeline/files/run_masks.hpp"
#include "pipeline/files/segments_file.hpp"
#include "pipeline/inputs/options_of_config.hpp"
#include "pipeline/inputs/plain_images.hpp"
#include "pipeline/session/progress.hpp"
#include "pipeline/stages/compared_images.hpp"
#include "pipeline/stages/evaluate.hpp"
#include "pipeline/stages/mask.hpp"
#include "pipeline/stages/protocol_scores.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace datus {
namespace {

namespace fs = std::filesystem;

using ComparedByK = std::vector<std::vector<ComparedImage>>;

/// COLLECTIVE. The pairs of this rank, compared for each K. Rank 0 tells how far it is with its own.
ComparedByK compare(const std::vector<ImageTruth>& pairs, const Comparison& comparison, Communicator& comm) {
  ComparedByK images;
  collectively(comm, [&] {
    Progress progress("evaluate", std::ssize(pairs), comm.rank() != 0);
    images = compare_images(pairs, comparison, [&] { progress.add(1); });
  });
  return images;
}

/// What does not depend on K.
ScoreRequest request_of(const Config& config, const Dataset& dataset, int threads) {
  ScoreRequest request;
  request.protocols = config.evaluate.protocols;
  request.class_names = dataset.classes();
  request.class_colours = dataset.class_colours();
  request.void_value = config.dataset.void_label;
  request.replicates = config.evaluate.bootstrap;
  request.seed = config.run.seed;
  request.threads = threads;
  return request;
}

/// The readable images with ground truth in this rank's share of the shards, by the shards' own lists. Throws
/// `InputError` where a shard has no masks of this run.
std::vector<ImageTruth> pairs_of_run(const RunContext& run, const std::vector<int>& clusters, const RunMasks& masks) {
  std::vector<ImageTruth> pairs;
  const auto [begin, end] = share_of(run.list.shards(), run.comm);
  for (std::int64_t shard = begin; shard < end; ++shard) {
    for (const int k : clusters) masks.require(k, {shard});
    const auto segments =
        read_segments(run.directory.segments({shard}), run.provenance.of(Stage::segment).of_shard({shard}));
    for (const auto image : segments.images.image) {
      const auto& item = run.dataset->items()[static_cast<std::size_t>(image)];
      if (item.truth.empty()) continue;
      pairs.push_back({image, item});
    }
  }
  return pairs;
}

/// The scores whose mapping of clusters to classes is taken, where there are such.
std::optional<fs::path> mapping_for(const RunContext& run, int k) {
  if (run.config.evaluate.matching == EvaluateConfig::Matching::own) return std::nullopt;
  if (run.fitted && fs::exists(run.fitted->directory.scores(k))) return run.fitted->directory.scores(k);
  return run.config.evaluate.mapping;
}

/// A mapping fits the ground truth, as far as that is known.
void require_fitting_mapping(const RunContext& run, int k) {
  const auto file = mapping_for(run, k);
  if (!file) return;
  const auto& names = run.dataset->classes();
  const int classes =
      names.empty() ? std::max(run.truth_classes, read_scores(*file).classes) : static_cast<int>(names.size());
  for (const auto protocol : run.config.evaluate.protocols) {
    (void)read_mapping(*file, protocol_name(protocol), k, classes, names);
  }
}

/// Some K fits, as far as the classes are known; what else does not is left out later, which is said then.
void require_fitting_protocol(const RunContext& run, EvaluateConfig::Protocol wanted) {
  const Config& config = run.config;
  const std::string name = protocol_name(wanted);
  if (wanted == EvaluateConfig::Protocol::stego) {
    const PixelSize size = config.model.input_size;
    const bool is_crop = size.rows == evaluation_crop_side && size.cols == evaluation_crop_side;
    if (!is_crop || config.model.resize != ModelConfig::Resize::crop) {
      throw UsageError("Protocol stego does not fit this run",
                       "it scores the centre of images of 320 pixels on the shorter side, and the model sees something "
                       "else with model.input_size = " +
                           dimensions_text(size.rows, size.cols) + " and model.resize other than crop, or that size",
                       "Set model.input_size: 320 and model.resize: crop, or use stego-crop.");
    }
  }
  const int classes = static_cast<int>(run.dataset->classes().size());
  if (classes == 0) return;
  std::string why;
  for (const int k : config.cluster.k) {
    why = misfit(protocol_of(wanted), k, classes);
    if (why.empty()) return;
  }
  throw UsageError("Protocol " + name + " does not score any K of this run", why,
                   "Change cluster.k, or leave it out of evaluate.protocols.");
}

std::string name_of(MaskConfig::Refine refine) {
  switch (refine) {
    case MaskConfig::Refine::none:
      return "none";
    case MaskConfig::Refine::crf:
      return "crf";
    case MaskConfig::Refine::guided:
      return "guided";
  }
  return {};
}

/// What a reader of the scores has to know of the run to compare them with others.
ScoreProvenance provenance_of(const RunContext& run, int k, const std::optional<fs::path>& mapping,
                              std::int64_t scored) {
  const std::string here = run.images_description();
  return {
      {"fitted_on", run.fitted ? run.fitted->description : here},
      {"assigned_on", here},
      {"matched_on", !mapping                                 ? here
                     : mapping == run.config.evaluate.mapping ? "a given mapping"
                                                              : run.fitted->description},
      {"scored_on", std::to_string(scored) + " of " + counted(run.list.size(), "image")},
      {"flip", run.config.model.flip ? "true" : "false"},
      {"refine", name_of(run.config.mask.refine)},
      {"run", run.provenance.of(Stage::evaluate, k).hash().hex()},
  };
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
    for (const auto protocol : run.config.evaluate.protocols) require_fitting_protocol(run, protocol);
    for (const int k : run.config.cluster.k) require_fitting_mapping(run, k);
  });
}

std::vector<Evaluation> evaluate_run(const RunContext& run, const std::vector<int>& clusters) {
  if (!run.dataset->has_truth()) return {};
  const RunMasks masks = masks_of_run(run);
  std::vector<ImageTruth> pairs;
  collectively(run.comm, [&] { pairs = pairs_of_run(run, clusters, masks); });
  // Of masks that are current: should the evaluation fail, no older scores may pass for theirs.
  on_root(run.comm, [&] {
    run.require_held();
    for (const int k : clusters) fs::remove(run.directory.scores(k));
  });
  ScoreRequest request = request_of(run.config, *run.dataset, run.threads);
  request.leaves_out_misfits = true;
  const Comparison comparison{
      .dataset = *run.dataset,
      .masks = {.read = [&](const ImageTruth& one, std::size_t k) { return masks.read(clusters[k], one.image); },
                .name_of = [&](const ImageTruth& one, std::size_t k) { return masks.name_of(clusters[k], one.image); }},
      .sizes = {clusters, static_cast<int>(request.class_names.size())},
      .protocols = request.protocols,
      .threads = run.threads,
      .may_go_on = [&] { run.signals->check_grace(std::chrono::seconds(run.config.run.grace), "The stage evaluate"); }};
  ComparedByK images = compare(pairs, comparison, run.comm);
  std::int64_t scored = std::ssize(pairs);
  run.comm.allreduce(std::span(&scored, 1), ReduceOp::sum);
  std::vector<Evaluation> evaluations;
  for (std::size_t i = 0; i < clusters.size(); ++i) {
    const int k = clusters[i];
    const auto of_k = std::exchange(images[i], {});
    request.clusters = k;
    request.mapping_file = mapping_for(run, k);
    request.provenance = provenance_of(run, k, request.mapping_file, scored);
    Evaluation evaluation = score_images(of_k, request, run.comm);
    if (evaluation.protocols.empty()) continue;
    on_root(run.comm, [&] { write_scores(run.directory.scores(k), evaluation, run.writing()); });
    evaluations.push_back(std::move(evaluation));
  }
  return evaluations;
}

Evaluation evaluate_folders(const Config& config, const EvaluateRequest& request, int threads, Communicator& comm) {
  std::unique_ptr<Dataset> dataset;
  std::vector<ImageTruth> pairs;
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
      if (!item.truth.empty()) pairs.push_back({i, item});
    }
  });
  ScoreRequest scores = request_of(config, *dataset, threads);
  scores.clusters = request.clusters.value_or(0);
  scores.mapping_file = config.evaluate.mapping;
  scores.provenance = {{"fitted_on", "not known"},
                       {"assigned_on", "these files"},
                       {"matched_on", config.evaluate.mapping ? "a given mapping" : "these files"},
                       {"images", std::to_string(dataset->truth_count())}};
  const Comparison comparison{.dataset = *dataset,
                              .masks = masks_of_items(),
                              .sizes = {{scores.clusters}, static_cast<int>(scores.class_names.size())},
                              .protocols = scores.protocols,
                              .threads = threads,
                              .masks_are_from_elsewhere = true};
  const auto images = compare(pairs, comparison, comm);
  Evaluation evaluation = score_images(images.front(), scores, comm);
  if (comm.rank() == 0) {
    for (const std::string& note : dataset->truth_notes()) log::info(note);
  }
  on_root(comm, [&] {
    if (request.json) write_scores(*request.json, evaluation);
  });
  return evaluation;
}

}  // namespace datus
