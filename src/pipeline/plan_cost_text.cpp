#include "datus/pipeline/plan_cost.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace datus {
namespace {

std::string number(double value, const char* format) {
  std::array<char, 64> text{};
  (void)std::snprintf(text.data(), text.size(), format, value);
  return text.data();
}

std::string padded(const std::string& text, std::size_t width) {
  return text + std::string(text.size() < width ? width - text.size() : 1, ' ');
}

std::string right_aligned(const std::string& text, std::size_t width) {
  return std::string(text.size() < width ? width - text.size() : 1, ' ') + text;
}

std::string counted(std::int64_t count, const std::string& thing) {
  return std::to_string(count) + " " + thing + (count == 1 ? "" : "s");
}

std::string table_line(const std::array<std::string, 5>& cells, const std::string& work) {
  std::string text = "  " + padded(cells[0], 9);
  for (std::size_t i = 1; i < cells.size(); ++i) text += right_aligned(cells.at(i), 13);
  return text + (work.empty() ? "" : "   " + work) + "\n";
}

/// Writes all that is said about a plan.
class CostText {
 public:
  CostText(const RunCost& cost, const RunWork& work, const Config& config, const Calibration& calibration,
           const Allocation& allocation, const CostRequest& request)
      : cost_(cost),
        work_(work),
        config_(config),
        calibration_(calibration),
        allocation_(allocation),
        request_(request) {}

  [[nodiscard]] std::string all() const { return head() + table() + "\n" + assumptions() + "\n" + lines(); }

 private:
  [[nodiscard]] std::string head() const {
    const std::string ranks = allocation_.has_gpus ? counted(allocation_.ranks_per_node, "GPU") + ", one rank for each"
                                                   : counted(allocation_.ranks_per_node, "rank");
    return "expected on " + counted(allocation_.nodes, "node") + " with " + ranks + " of " +
           counted(allocation_.cpus_per_rank, "thread") + ":\n";
  }

  [[nodiscard]] std::string table() const {
    std::string text = table_line({"stage", "time", "node-hours", "written", "memory/rank"}, "work");
    for (const auto& stage : cost_.stages) text += line_of(stage);
    return text + line_of({"total", "", cost_.seconds, cost_.bytes, cost_.memory_bytes});
  }

  [[nodiscard]] std::string line_of(const StageCost& stage) const {
    const double hours = stage.seconds * allocation_.nodes / 3600;
    return table_line({stage.name, duration_text(stage.seconds), number(hours, hours < 10 ? "%.3f" : "%.0f"),
                       stage.bytes > 0 ? size_text(stage.bytes) : "-", size_text(stage.memory_bytes)},
                      stage.work);
  }

  // What was assumed.

  [[nodiscard]] std::string assumptions() const {
    std::string text;
    const auto say = [&](const std::string& line) { text += "  " + line + "\n"; };
    say(of_the_calibration());
    say(of_the_model());
    if (!measured_alike())
      say("not measured: so many ranks and threads on a node; caches and memory are taken to keep up");
    say("extract, segment and describe run fused: a shard goes through all three, and the next is decoded meanwhile");
    say(of_the_disk());
    if (!work_.clusters.empty()) say(of_the_clusters());
    if (allocation_.ranks() > 1 && !work_.clusters.empty()) say(of_the_network());
    if (calibration_.values.segments_per_image == 0 && work_.describe.images > 0) {
      say("THE SAMPLE HAD NO SEGMENT: what describe takes for one was not measured and counts as 0");
    }
    if (work_.has_truth && !calibration_.has_truth)
      say("evaluate was not measured (no ground truth then): it counts as 0");
    say("written: by the measured sizes of segments, masks and pictures; the table above is meant to be a little high");
    return text;
  }

  [[nodiscard]] std::string of_the_calibration() const {
    const auto& machine = calibration_.machine;
    return "measured on " + machine.cpu + ", " + counted(machine.ranks, "rank") + " (" +
           std::to_string(machine.ranks_per_node) + " per node) with " + counted(machine.threads_per_rank, "thread") +
           ", " + counted(calibration_.measured_images, "image") + ", " +
           number(calibration_.values.segments_per_image, "%.3g") + " segments per image";
  }

  [[nodiscard]] std::string of_the_model() const {
    const double measured =
        calibration_.machine.threads_per_rank / calibration_.values.forward_thread_seconds_per_image;
    if (!allocation_.forward_rate) {
      const std::string rate = "forward pass: " + number(measured, "%.3g") + " images/s and rank, measured on this CPU";
      return allocation_.has_gpus
                 ? rate + "; THE GPUs ARE NOT COUNTED: this build runs on CPUs only (--forward-rate plans as if)"
                 : rate;
    }
    return "forward pass: " + number(*allocation_.forward_rate, "%.4g") +
           " images/s and rank, ASSUMED (--forward-rate) in place of the " + number(measured, "%.3g") +
           " measured on this CPU; decoding overlaps with it";
  }

  [[nodiscard]] bool measured_alike() const {
    return calibration_.machine.ranks_per_node == allocation_.ranks_per_node &&
           calibration_.machine.threads_per_rank == allocation_.cpus_per_rank;
  }

  [[nodiscard]] std::string of_the_disk() const {
    const double node = calibration_.values.write_bytes_per_second * calibration_.machine.ranks_per_node;
    const auto megabytes = [](double bytes) { return number(bytes / 1e6, "%.3g") + " MB/s"; };
    std::string text = "file system: shards need " + megabytes(cost_.write_bytes_per_second) + " in all, " +
                       megabytes(cost_.write_bytes_per_second / allocation_.nodes) + " per node; measured " +
                       megabytes(node) + " per node, which its ranks share";
    if (cost_.shard_write_seconds > cost_.shard_compute_seconds) text += "; THE DISK DECIDES: the cores wait for it";
    return text;
  }

  [[nodiscard]] std::string of_the_clusters() const {
    const bool mini_batch = config_.cluster.algorithm == ClusterConfig::Algorithm::mini_batch;
    std::string text = "k-means: " + std::to_string(cost_.cluster.iterations) +
                       (mini_batch ? " batches (all of cluster.epochs)" : " iterations (cluster.max_iterations)") +
                       " of " + duration_text(cost_.cluster.iteration_seconds) +
                       ", the most there can be: how soon it stops depends on the data, usually much earlier";
    if (config_.cluster.mode == ClusterConfig::Mode::fast) text += "; mode fast counts as exact, it takes less";
    if (cost_.cluster.streams) text += "; rows do not fit cluster.memory and are read again in each pass";
    return text;
  }

  [[nodiscard]] std::string of_the_network() const {
    const bool measured = calibration_.machine.ranks > 1;
    const std::string seconds = duration_text(cost_.cluster.allreduce_seconds);
    if (!measured) {
      return "allreduce: " + seconds + " of an iteration, ASSUMED 20 us a step and 1 GB/s (calibrated on one rank)";
    }
    const bool crosses = allocation_.nodes > 1 && calibration_.machine.ranks == calibration_.machine.ranks_per_node;
    return "allreduce: " + seconds + " of an iteration, by steps and bytes as measured" +
           (crosses ? " within one node: the network is taken to be as fast" : "");
  }

  // sbatch.

  [[nodiscard]] std::string options(double seconds, std::int64_t memory, bool with_gpus) const {
    std::string text = "--nodes=" + std::to_string(allocation_.nodes) +
                       " --ntasks-per-node=" + std::to_string(allocation_.ranks_per_node);
    if (with_gpus && allocation_.has_gpus) text += " --gpus-per-node=" + std::to_string(allocation_.ranks_per_node);
    return text + " --cpus-per-task=" + std::to_string(allocation_.cpus_per_rank) +
           " --mem=" + memory_limit(memory, allocation_.ranks_per_node) + " --time=" + time_limit(seconds);
  }

  [[nodiscard]] std::string lines() const {
    std::string text = "one job:\n  sbatch " + options(cost_.seconds, cost_.memory_bytes, true) +
                       " slurm/datus.sbatch " + request_.arguments + "\n";
    if (cost_.chain.empty()) {
      return text + "no chain of jobs: storage.embeddings is none, so a job has no keys from the one before it\n";
    }
    text += "a chain of jobs (slurm/pipeline.sh): lines for slurm/site.sh\n";
    for (const auto& job : cost_.chain) {
      text += "  " + job.name + "_options=\"" + options(job.seconds, job.memory_bytes, job.uses_model) + "\"\n";
    }
    return text;
  }

  const RunCost& cost_;
  const RunWork& work_;
  const Config& config_;
  const Calibration& calibration_;
  const Allocation& allocation_;
  const CostRequest& request_;
};

}  // namespace

std::string cost_text(const RunCost& cost, const RunWork& work, const Config& config, const Calibration& calibration,
                      const Allocation& allocation, const CostRequest& request) {
  return CostText(cost, work, config, calibration, allocation, request).all();
}

std::string duration_text(double seconds) {
  if (seconds < 0.9995e-3) return number(seconds * 1e6, "%.3g us");
  if (seconds < 0.9995) return number(seconds * 1e3, "%.3g ms");
  if (seconds < 99.95) return number(seconds, "%.1f s");
  const auto whole = std::llround(seconds);
  if (whole < 3600) return std::to_string(whole / 60) + " min " + std::to_string(whole % 60) + " s";
  if (whole < 48 * 3600) return std::to_string(whole / 3600) + " h " + std::to_string(whole % 3600 / 60) + " min";
  return std::to_string(whole / 86400) + " d " + std::to_string(whole % 86400 / 3600) + " h";
}

std::string time_limit(double seconds) {
  constexpr double margin = 1.5;
  constexpr double at_least = 300;
  const double wanted = margin * seconds + at_least;
  const double step = wanted > 7200 ? 900 : 300;
  const auto limit = static_cast<std::int64_t>(std::ceil(wanted / step) * step);
  std::array<char, 64> text{};
  if (limit >= 86400) {
    (void)std::snprintf(text.data(), text.size(), "%lld-%02lld:%02lld:00", static_cast<long long>(limit / 86400),
                        static_cast<long long>(limit % 86400 / 3600), static_cast<long long>(limit % 3600 / 60));
  } else {
    (void)std::snprintf(text.data(), text.size(), "%02lld:%02lld:00", static_cast<long long>(limit / 3600),
                        static_cast<long long>(limit % 3600 / 60));
  }
  return text.data();
}

std::string memory_limit(std::int64_t bytes_per_rank, int ranks_per_node) {
  constexpr double margin = 1.25;
  constexpr double gibibyte = 1024.0 * 1024 * 1024;
  const double bytes = margin * static_cast<double>(bytes_per_rank) * ranks_per_node;
  return std::to_string(static_cast<std::int64_t>(std::max(1.0, std::ceil(bytes / gibibyte)))) + "G";
}

}  // namespace datus
