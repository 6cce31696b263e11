// SPDX-License-Identifier: Apache-2.0
#include "pipeline/plan/cost_text.hpp"

#include "pipeline/shards/batch_fill.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <span>

namespace datus {
namespace {

template <class... Values>
std::string formatted(const char* format, Values... values) {
  std::array<char, 256> text{};
  (void)std::snprintf(text.data(), text.size(), format, values...);
  return text.data();
}

std::string hours_text(double hours) {
  return formatted(hours < 10 ? "%.3f" : "%.0f", hours);
}

std::string head_of_table(bool has_gpus) {
  return std::string("  stage             time   node-hours") + (has_gpus ? "    GPU-hours" : "") +
         "      written  memory/rank" + (has_gpus ? "   memory/GPU" : "") + "   work\n";
}

std::string line_of(const StageCost& stage, const Allocation& allocation) {
  constexpr std::size_t width = 13;
  const double hours = stage.seconds * allocation.nodes / 3600;
  const auto of_gpus = [&](const std::string& text) {
    return allocation.has_gpus ? pad_left(text, width) : std::string();
  };
  const auto size = [](std::int64_t bytes) { return bytes > 0 ? size_text(bytes) : "-"; };
  return "  " + pad_right(stage.name, 9) + pad_left(duration_text(stage.seconds), width) +
         pad_left(hours_text(hours), width) + of_gpus(hours_text(hours * allocation.ranks_per_node)) +
         pad_left(size(stage.bytes), width) + pad_left(size_text(std::llround(stage.memory_bytes)), width) +
         of_gpus(size(std::llround(stage.gpu_bytes))) + (stage.work.empty() ? "" : "   " + stage.work) + "\n";
}

/// How much of the GPUs' time no stage of theirs takes, and what their memory was computed from.
std::string gpu_assumptions(const RunCost& cost, const RunPlan& plan, const Config& config,
                            const Allocation& allocation) {
  double idle = 0;
  for (const StageCost& stage : cost.stages) idle += stage.gpu_bytes > 0 ? 0 : stage.seconds;
  const auto size = [](double bytes) { return size_text(std::llround(bytes)); };
  const GpuMemory& memory = cost.gpu_memory;
  const double hours = idle * static_cast<double>(allocation.ranks()) / 3600;
  std::string text = "  GPU-hours: a job has its GPUs from start to end; in " + hours_text(hours) +
                     " of them no stage uses them (memory/GPU is -)\n";
  if (cost.total.gpu_bytes == 0) return text;
  text += "  memory of a GPU: COMPUTED, NOT MEASURED, with " + size(GpuMemory::libraries) +
          " for CUDA, cuBLAS and NCCL, ASSUMED\n";
  if (memory.weights > 0) {
    text += "    extract to describe: weights " + size(memory.weights) + ", a batch of " +
            std::to_string(config.model.batch_size) + " " + size(memory.batches) +
            formatted(" (%.0f %%", 100 * spare_share) +
            " of it for LibTorch's allocator, ASSUMED), images and results " + size(memory.transfers) + ", graphs " +
            size(memory.graphs) + (memory.smoothing > 0 ? ", smoothing " + size(memory.smoothing) : "") + "\n";
    const std::string empty = text_of_empty_places(config.model.batch_size, plan.shard_size);
    if (!empty.empty() && plan.images > plan.shard_size) text += "  embeddings: " + empty + "\n";
  }
  if (memory.cluster > 0) {
    text += "    cluster: rows, labels and centroids " + size(memory.cluster) +
            "; rows that do not fit come piece by piece in each iteration\n";
  }
  return text;
}

/// What was measured, and what of the rest was assumed.
std::string assumptions(const RunCost& cost, const RunPlan& plan, const Calibration& calibration,
                        const Allocation& allocation) {
  std::string text;
  const auto say = [&](const std::string& line) { text += "  " + line + "\n"; };
  say(measured_text(calibration) + "; all else is scaled from that");
  const double measured = calibration.threads_per_rank / std::max(1e-9, calibration.extract_thread_seconds_per_image);
  say("extract: " + formatted("%.3g", measured) + " images/s and rank, measured on " +
      (calibration.has_gpus ? "a GPU" : "this CPU"));
  if (allocation.forward_rate) {
    say("forward pass: " + formatted("%.4g", *allocation.forward_rate) +
        " images/s and rank, ASSUMED (--forward-rate); decoding overlaps with it");
  } else if (allocation.has_gpus && !calibration.has_gpus) {
    say("THE SPEED OF THE GPUs IS NOT KNOWN, times are the CPU's: calibrate on one (--forward-rate plans as if)");
  }
  if (calibration.ranks_per_node != allocation.ranks_per_node ||
      calibration.threads_per_rank != allocation.cpus_per_rank) {
    say("not measured: so many ranks and threads on a node; caches, memory and disk are taken to keep up");
  }
  const double megabytes = static_cast<double>(cost.total.bytes) / std::max(1e-9, cost.total.seconds) / 1e6;
  say("file system: " + formatted("%.3g MB/s are written in all, %.3g", megabytes, megabytes / allocation.nodes) +
      " MB/s per node; whether it keeps up is not known");
  if (!plan.todo.clusters.empty()) {
    say("k-means: " + formatted("%.0f", cost.iterations) + cost.iterations_of + " of " +
        duration_text(cost.iteration_seconds) + ", the most there can be");
    if (!cost.why_groups.empty()) say("k-means: " + cost.why_groups);
  }
  if (calibration.segments_per_image == 0) say("THE SAMPLE HAD NO SEGMENT: masks, evaluate and report count as 0");
  return text;
}

std::string sbatch_options(const StageCost& job, bool has_gpus, const Allocation& allocation) {
  const std::string ranks = std::to_string(allocation.ranks_per_node);
  return "--nodes=" + std::to_string(allocation.nodes) + " --ntasks-per-node=" + ranks +
         (has_gpus && allocation.has_gpus ? " --gpus-per-node=" + ranks : "") +
         " --cpus-per-task=" + std::to_string(allocation.cpus_per_rank) +
         " --mem=" + memory_limit(std::llround(job.memory_bytes), allocation.ranks_per_node) +
         " --time=" + time_limit(job.seconds);
}

/// Each job of a chain starts anew, the one that describes decodes again, and that of the masks is three commands.
std::string chain_text(const RunCost& cost, const Allocation& allocation) {
  std::string text = "a chain of jobs (slurm/pipeline.sh): lines for slurm/site.sh\n";
  double seconds = 0;
  for (StageCost job : std::span(cost.stages).subspan(1)) {
    seconds += cost.stages.front().seconds + job.seconds;
    if (job.name == "mask" || job.name == "evaluate") continue;
    const bool describes = job.name == "describe";
    job.seconds = seconds + (describes ? cost.decode_seconds : 0);
    text += "  " + (job.name == "report" ? "mask" : job.name) + "_options=\"" +
            sbatch_options(job, job.asks_for_gpu, allocation) + "\"\n";
    seconds = 0;
  }
  return text;
}

}  // namespace

std::string cost_text(const RunCost& cost, const RunPlan& plan, const Config& config, const Calibration& calibration,
                      const Allocation& allocation, const std::string& arguments) {
  std::string text = "expected on " + counted(allocation.nodes, "node") + " with " +
                     (allocation.has_gpus ? counted(allocation.ranks_per_node, "GPU") + ", one rank for each"
                                          : counted(allocation.ranks_per_node, "rank")) +
                     " of " + counted(allocation.cpus_per_rank, "thread") + ":\n";
  text += head_of_table(allocation.has_gpus);
  for (const StageCost& stage : cost.stages) text += line_of(stage, allocation);
  text += line_of(cost.total, allocation) + "\n";
  text += assumptions(cost, plan, calibration, allocation);
  text += (allocation.has_gpus ? gpu_assumptions(cost, plan, config, allocation) : "") + "\n";
  text +=
      "one job:\n  sbatch " + sbatch_options(cost.total, true, allocation) + " slurm/datus.sbatch " + arguments + "\n";
  return text + (config.storage.keeps_embeddings()
                     ? chain_text(cost, allocation)
                     : "no chain of jobs: storage.embeddings is none, so a job has no keys from the one before it\n");
}

std::string measured_text(const Calibration& c) {
  return formatted("measured %lld of %lld images in %.0f s, in shards of %d with %.3g segments per image, on ",
                   static_cast<long long>(c.measured_images), static_cast<long long>(c.listed_images), c.seconds,
                   c.shard_size, c.segments_per_image) +
         counted(c.ranks, "rank") + " (" + std::to_string(c.ranks_per_node) + " per node) with " +
         counted(c.threads_per_rank, "thread") + " each (" + c.backend + ")";
}

std::string time_limit(double seconds) {
  const double wanted = 1.5 * seconds + 300;
  const double step = wanted > 7200 ? 900 : 300;
  const auto limit = static_cast<long long>(std::ceil(wanted / step) * step);
  const std::string days = limit >= 86400 ? std::to_string(limit / 86400) + "-" : "";
  return days + formatted("%02lld:%02lld:00", limit % 86400 / 3600, limit % 3600 / 60);
}

std::string memory_limit(std::int64_t bytes_per_rank, int ranks_per_node) {
  constexpr double gibibyte = 1024.0 * 1024 * 1024;
  const double bytes = 1.25 * static_cast<double>(bytes_per_rank) * ranks_per_node;
  return std::to_string(static_cast<std::int64_t>(std::max(1.0, std::ceil(bytes / gibibyte)))) + "G";
}

}  // namespace datus
