// SPDX-License-Identifier: Apache-2.0
#include "pipeline/plan/run_plan.hpp"

#include "datus/core/text.hpp"
#include "datus/io/disk_space.hpp"
#include "pipeline/backbone/backbone.hpp"
#include "pipeline/files/mask_store.hpp"
#include "pipeline/inputs/input_preparation.hpp"
#include "pipeline/stages/cluster/cluster.hpp"
#include "pipeline/stages/mask.hpp"

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>

namespace datus {
namespace {

std::string count_of_shards(std::int64_t count, const RunPlan& plan) {
  return std::to_string(count) + " of " + std::to_string(plan.shards) + " shards";
}

/// "K = 6, 10"; empty for none.
std::string list_of(const std::vector<int>& clusters) {
  std::string text;
  for (const int k : clusters) text += (text.empty() ? "K = " : ", ") + std::to_string(k);
  return text;
}

std::string joined(const std::vector<std::string>& texts) {
  std::string all;
  for (const auto& text : texts) all += (all.empty() ? "" : "; ") + text;
  return all;
}

/// Adds the shards that the run would forget before it looks for stale ones.
void add_outdated(const RunContext& run, StaleShards& found) {
  for (const std::int64_t shard : run.outdated.shards) {
    for (const StageFiles& files : stage_files) {
      if (!files.is_by_shard || !keeps_files(run.config.storage, files.stage)) continue;
      found.shards.at(static_cast<std::size_t>(shard)).set(files.stage);
      found.reasons_of_stage[files.stage] = {run.outdated.why};
    }
  }
}

PlannedStage plan_of_shards(const RunContext& run, const RunPlan& plan, Stage stage, const StaleShards& found) {
  if (!keeps_files(run.config.storage, stage)) {
    return {stage_name(stage), "where a later stage needs it, nothing stored (storage.embeddings: none)", {}};
  }
  const auto count = std::ranges::count_if(plan.todo.shards, [&](const StageSet& stale) { return stale.has(stage); });
  const auto why = found.reasons_of_stage.find(stage);
  return {.name = stage_name(stage),
          .work = count == 0 ? std::string() : count_of_shards(count, plan),
          .why = why == found.reasons_of_stage.end() ? std::string() : joined(why->second)};
}

/// COLLECTIVE. Fills in the values of K to do as well.
PlannedStage plan_of_clusters(RunContext& run, std::vector<int>& todo) {
  if (!run.outdated.shards.empty()) {
    todo = run.config.cluster.k;
    return {.name = stage_name(Stage::cluster), .work = list_of(todo), .why = run.outdated.why};
  }
  std::vector<std::string> reasons;
  for (const auto& [k, why] : stale_clusters(run)) {
    todo.push_back(k);
    if (!why.empty() && std::ranges::find(reasons, why) == reasons.end()) reasons.push_back(why);
  }
  return {.name = stage_name(Stage::cluster), .work = list_of(todo), .why = joined(reasons)};
}

std::vector<ShardIndex> all_shards(const ImageList& list) {
  std::vector<ShardIndex> shards;
  for (std::int64_t shard = 0; shard < list.shards(); ++shard) shards.push_back({shard});
  return shards;
}

/// The formats in which the first shard has masks that mask.formats does not ask for: "png".
std::string formats_left_over(const RunContext& run) {
  std::string names;
  for (const MaskConfig::Format format : mask_formats) {
    if (has_format(run.config.mask, format)) continue;
    const bool any = std::ranges::any_of(run.config.cluster.k, [&](int k) {
      return std::filesystem::exists(mask_marker(run.directory, format, k, {0}));
    });
    if (any) names += (names.empty() ? "" : ", ") + std::string(mask_format_name(format));
  }
  return names;
}

/// COLLECTIVE. Fills in the shards to do as well. What differs is not recorded of masks, only that something does.
PlannedStage plan_of_masks(RunContext& run, RunPlan& plan) {
  PlannedStage stage{.name = stage_name(Stage::mask), .work = {}, .why = {}};
  std::int64_t replaced = 0;
  for (const int k : run.config.cluster.k) {
    auto& shards = plan.todo.masks[k];
    shards = run.outdated.shards.empty() ? stale_masks(run, k) : all_shards(run.list);
    if (shards.empty()) continue;
    stage.work +=
        (stage.work.empty() ? "K = " : ", K = ") + std::to_string(k) + ": " + count_of_shards(std::ssize(shards), plan);
    on_root(run.comm, [&] {
      replaced += std::ranges::count_if(shards, [&](ShardIndex shard) {
        return std::ranges::any_of(run.config.mask.formats, [&](MaskConfig::Format format) {
          return std::filesystem::exists(mask_marker(run.directory, format, k, shard));
        });
      });
    });
  }
  std::string why;
  on_root(run.comm, [&] {
    if (replaced > 0) why = "what is there is of other clusters or settings, or damaged";
    const std::string left_over = formats_left_over(run);
    if (!left_over.empty()) {
      why += (why.empty() ? "" : "; ") + ("files of " + left_over) + ", which mask.formats has not, are removed";
    }
  });
  stage.why = broadcast_text(run.comm, why);
  return stage;
}

PlannedStage plan_of_evaluation(const RunContext& run) {
  const bool has_truth = run.dataset->has_truth();
  return {.name = stage_name(Stage::evaluate),
          .work = has_truth ? list_of(run.config.cluster.k) + ", each time" : "no ground truth",
          .why = {}};
}

/// Reads the weights.
ModelShape shape_of_model(const RunContext& run) {
  const auto& config = run.config.model;
  const auto kind = run.config.descriptor.kind;
  const ModelPlacement on_cpu;
  const Backbone backbone(config, *config.weights, on_cpu, run.threads);
  const ViTArchitecture& model = backbone.architecture();
  ModelShape shape{InputPreparation(config, model.patch, backbone.resample()).grid(), model.dim,
                   backbone.descriptor_dim(kind)};
  if (run.config.descriptor.weights) {
    shape.descriptor_dim = Backbone(config, *run.config.descriptor.weights, on_cpu, run.threads).descriptor_dim(kind);
  }
  return shape;
}

/// COLLECTIVE. Rank 0 measures for all.
void plan_bytes(RunContext& run, RunPlan& plan) {
  on_root(run.comm, [&] {
    plan.present = present_run_size(run.directory);
    const ModelShape shape = plan.todo.any() ? shape_of_model(run) : ModelShape();
    plan.whole = run_size_after(run, plan.todo, shape, plan.present);
    plan.free = free_bytes(run.directory.root());
  });
  for (RunSize* size : {&plan.present, &plan.whole}) {
    run.comm.broadcast(std::as_writable_bytes(std::span(size, 1)), 0);
  }
  run.comm.broadcast(std::as_writable_bytes(std::span(&plan.free, 1)), 0);
}

std::string table_line(const std::string& name, const std::string& whole, const std::string& present,
                       const std::string& growth) {
  constexpr std::size_t width = 12;
  return "  " + pad_right(name, width) + pad_left(whole, width) + pad_left(present, width) + pad_left(growth, width) +
         "\n";
}

std::string table_of_bytes(const RunPlan& plan) {
  const RunSize growth = bytes_to_write(plan.whole, plan.present);
  std::string text = table_line("files", "in the end", "there now", "to write");
  for (const auto& [name, bytes] : run_parts) {
    text += table_line(name, size_text(plan.whole.*bytes), size_text(plan.present.*bytes), size_text(growth.*bytes));
  }
  text +=
      table_line("total", size_text(plan.whole.total()), size_text(plan.present.total()), size_text(growth.total()));
  return text + "  about " + std::to_string(plan.files.all) + " files in the end, " + std::to_string(plan.files.masks) +
         " of them masks\n";
}

std::string verdict(const RunPlan& plan) {
  const std::int64_t required = required_bytes(plan.whole, plan.present);
  const std::string free = size_text(plan.free) + " are free";
  if (required == 0) return "  nothing more to write; " + free + "\n";
  const std::string needed = size_text(required) + " are needed with a margin, " + free;
  if (plan.fits()) return "  it fits: " + needed + "\n";
  return "  it does not fit, " + size_text(required - plan.free) + " are missing: " + needed + "\n";
}

RunPlan empty_plan(const RunContext& run, const ImageList& list) {
  RunPlan plan;
  plan.directory = run.directory.root();
  plan.images = list.size();
  plan.unreadable = std::ranges::count(list.images, false, &ListedImage::is_readable);
  plan.shards = list.shards();
  plan.shard_size = list.shard_size;
  plan.has_truth = run.dataset->has_truth();
  plan.keeps_keys = keeps_files(run.config.storage, Stage::extract);
  plan.files = count_run_files(run.config, list);
  return plan;
}

}  // namespace

RunPlan plan_run(RunContext& run) {
  on_root(run.comm, [&] { require_key(run.config, "model.weights", "the run needs a backbone"); });
  RunPlan plan = empty_plan(run, run.list);
  StaleShards found = find_stale_shards(run, shard_stages);
  add_outdated(run, found);
  plan.todo.shards = found.shards;
  for (const StageFiles& files : stage_files) {
    if (files.is_by_shard) plan.stages.push_back(plan_of_shards(run, plan, files.stage, found));
  }
  plan.stages.push_back(plan_of_clusters(run, plan.todo.clusters));
  plan.stages.push_back(plan_of_masks(run, plan));
  plan.stages.push_back(plan_of_evaluation(run));
  plan.stages.push_back({.name = "report", .work = "each time", .why = {}});
  plan_bytes(run, plan);
  return plan;
}

RunPlan plan_of_new_run(RunContext& run, const ImageList& list, const ModelShape& shape, double segments_per_image) {
  RunPlan plan = empty_plan(run, list);
  const auto shards = static_cast<std::size_t>(list.shards());
  StageSet kept = shard_stages;
  for (const StageFiles& files : stage_files) {
    if (!keeps_files(run.config.storage, files.stage)) kept.set(files.stage, false);
  }
  plan.todo.shards.assign(shards, kept);
  plan.todo.clusters = run.config.cluster.k;
  PlannedStage masks{.name = stage_name(Stage::mask), .work = {}, .why = {}};
  for (const int k : run.config.cluster.k) {
    plan.todo.masks[k] = all_shards(list);
    masks.work +=
        (masks.work.empty() ? "K = " : ", K = ") + std::to_string(k) + ": " + count_of_shards(plan.shards, plan);
  }
  for (const StageFiles& files : stage_files) {
    if (files.is_by_shard) plan.stages.push_back(plan_of_shards(run, plan, files.stage, {}));
  }
  plan.stages.push_back({.name = stage_name(Stage::cluster), .work = list_of(plan.todo.clusters), .why = {}});
  plan.stages.push_back(std::move(masks));
  plan.stages.push_back(plan_of_evaluation(run));
  plan.stages.push_back({.name = "report", .work = "each time", .why = {}});
  plan.whole = estimate_run_size(run.config, list, shape.grid, shape.dim, shape.descriptor_dim, segments_per_image);
  on_root(run.comm, [&] { plan.free = free_bytes(run.directory.root()); });
  run.comm.broadcast(std::as_writable_bytes(std::span(&plan.free, 1)), 0);
  return plan;
}

std::string plan_text(const RunPlan& plan) {
  std::string text = plan.directory.string() + ": " + std::to_string(plan.images) + " images in " +
                     std::to_string(plan.shards) + " shards";
  if (plan.unreadable > 0) text += ", " + std::to_string(plan.unreadable) + " of the images cannot be read";
  text += "\n";
  for (const auto& stage : plan.stages) {
    text += "  " + pad_right(stage.name, 10) + (stage.work.empty() ? "up to date" : stage.work);
    text += (stage.why.empty() ? "" : " (" + stage.why + ")") + "\n";
  }
  if (!plan.todo.any()) text += "  everything is up to date; scores and report are made each time\n";
  return text + "\n" + table_of_bytes(plan) + verdict(plan);
}

}  // namespace datus
