#include "pipeline/plan/cost_text.hpp"

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

std::string counted(std::int64_t count, const std::string& thing) {
  return std::to_string(count) + " " + thing + (count == 1 ? "" : "s");
}

std::string table_line(const std::array<std::string, 5>& cells, const std::string& work) {
  return formatted("  %-9s%13s%13s%13s%13s", cells[0].c_str(), cells[1].c_str(), cells[2].c_str(), cells[3].c_str(),
                   cells[4].c_str()) +
         (work.empty() ? "" : "   " + work) + "\n";
}

std::string line_of(const StageCost& stage, int nodes) {
  const double hours = stage.seconds * nodes / 3600;
  return table_line({stage.name, duration_text(stage.seconds), formatted(hours < 10 ? "%.3f" : "%.0f", hours),
                     stage.bytes > 0 ? size_text(stage.bytes) : "-", size_text(std::llround(stage.memory_bytes))},
                    stage.work);
}

/// What was measured, and what of the rest was assumed.
std::string assumptions(const RunCost& cost, const RunWork& work, const Config& config, const Calibration& calibration,
                        const Allocation& allocation) {
  const CalibratedSample& sample = calibration.sample;
  const CalibrationValues& values = calibration.values;
  std::string text;
  const auto say = [&](const std::string& line) { text += "  " + line + "\n"; };
  say(measured_text(calibration) + "; all else is scaled from that");
  const double measured = sample.threads_per_rank / std::max(1e-9, values.extract_thread_seconds_per_image);
  const std::string device = sample.has_gpus ? "on a GPU" : "on this CPU";
  std::string model = "extract: " + formatted("%.3g", measured) + " images/s and rank, measured " + device;
  if (allocation.forward_rate) {
    model = "forward pass: " + formatted("%.4g", *allocation.forward_rate) +
            " images/s and rank, ASSUMED (--forward-rate); extract measured " + formatted("%.3g", measured) + " " +
            device + "; decoding overlaps with it";
  } else if (allocation.has_gpus && !sample.has_gpus) {
    model += "; THE GPUs ARE NOT COUNTED: calibrate on one (--forward-rate plans as if)";
  }
  say(model);
  if (sample.ranks_per_node != allocation.ranks_per_node || sample.threads_per_rank != allocation.cpus_per_rank) {
    say("not measured: so many ranks and threads on a node; caches, memory and disk are taken to keep up");
  }
  double seconds = 0;
  for (const StageCost& stage : std::span(cost.stages).subspan(1, 3)) seconds += stage.seconds;
  const RunSize& write = work.write;
  const auto bytes = static_cast<double>(write.keys + write.segments + write.descriptors);
  const double megabytes = seconds > 0 ? bytes / seconds / 1e6 : 0;
  say("file system: shards need " + formatted("%.3g MB/s in all, %.3g", megabytes, megabytes / allocation.nodes) +
      " MB/s per node; whether it keeps up is not known");
  if (!work.clusters.empty()) {
    const bool mini_batch = config.cluster.algorithm == ClusterConfig::Algorithm::mini_batch;
    say("k-means: " + formatted("%.0f", cost.iterations) +
        (mini_batch ? " epochs (cluster.epochs)" : " iterations (cluster.max_iterations)") + " of " +
        duration_text(cost.iteration_seconds) + ", the most there can be: the sample's took " +
        formatted("%.0f", values.kmeans_iterations));
  }
  if (cost.allreduce_seconds > 0) {
    say("allreduce: " + duration_text(cost.allreduce_seconds) + " of an iteration, ASSUMED 20 us a step and 1 GB/s");
  }
  if (values.segments_per_image == 0) say("THE SAMPLE HAD NO SEGMENT: masks, evaluate and report count as 0");
  return text;
}

std::string sbatch_options(const StageCost& job, const Allocation& allocation) {
  std::string text =
      "--nodes=" + std::to_string(allocation.nodes) + " --ntasks-per-node=" + std::to_string(allocation.ranks_per_node);
  if (job.uses_model && allocation.has_gpus) text += " --gpus-per-node=" + std::to_string(allocation.ranks_per_node);
  return text + " --cpus-per-task=" + std::to_string(allocation.cpus_per_rank) +
         " --mem=" + memory_limit(std::llround(job.memory_bytes), allocation.ranks_per_node) +
         " --time=" + time_limit(job.seconds);
}

}  // namespace

std::string cost_text(const RunCost& cost, const RunWork& work, const Config& config, const Calibration& calibration,
                      const Allocation& allocation, const std::string& arguments) {
  std::string text = "expected on " + counted(allocation.nodes, "node") + " with " +
                     (allocation.has_gpus ? counted(allocation.ranks_per_node, "GPU") + ", one rank for each"
                                          : counted(allocation.ranks_per_node, "rank")) +
                     " of " + counted(allocation.cpus_per_rank, "thread") + ":\n";
  text += table_line({"stage", "time", "node-hours", "written", "memory/rank"}, "work");
  for (const StageCost& stage : cost.stages) text += line_of(stage, allocation.nodes);
  text += line_of(cost.total, allocation.nodes) + "\n";
  text += assumptions(cost, work, config, calibration, allocation) + "\n";
  text += "one job:\n  sbatch " + sbatch_options(cost.total, allocation) + " slurm/datus.sbatch " + arguments + "\n";
  if (!config.storage.keeps_embeddings()) {
    return text + "no chain of jobs: storage.embeddings is none, so a job has no keys from the one before it\n";
  }
  text += "a chain of jobs (slurm/pipeline.sh): lines for slurm/site.sh\n";
  for (const StageCost& job : cost.chain) {
    text += "  " + job.name + "_options=\"" + sbatch_options(job, allocation) + "\"\n";
  }
  return text;
}

std::string measured_text(const Calibration& calibration) {
  const CalibratedSample& sample = calibration.sample;
  return "measured " + std::to_string(sample.measured_images) + " of " + counted(sample.listed_images, "image") +
         formatted(" in %.0f s, in shards of %d with %.3g segments per image, on ", sample.seconds, sample.shard_size,
                   calibration.values.segments_per_image) +
         counted(sample.ranks, "rank") + " (" + std::to_string(sample.ranks_per_node) + " per node) with " +
         counted(sample.threads_per_rank, "thread") + " each (" + sample.backend + ")";
}

std::string duration_text(double seconds) {
  if (seconds < 0.9995e-3) return formatted("%.3g us", seconds * 1e6);
  if (seconds < 0.9995) return formatted("%.3g ms", seconds * 1e3);
  if (seconds < 99.95) return formatted("%.1f s", seconds);
  const long long whole = std::llround(seconds);
  if (whole < 3600) return formatted("%lld min %lld s", whole / 60, whole % 60);
  if (whole < 48 * 3600) return formatted("%lld h %lld min", whole / 3600, whole % 3600 / 60);
  return formatted("%lld d %lld h", whole / 86400, whole % 86400 / 3600);
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
