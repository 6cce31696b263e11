#include "pipeline/plan/cost_model.hpp"

#include "datus/algo/kmeans.hpp"
#include "datus/pipeline/report_limits.hpp"
#include "pipeline/inputs/options_of_config.hpp"

#include <algorithm>
#include <cmath>

namespace datus {
namespace {

/// Of pieces that `workers` share.
std::int64_t largest_share(std::int64_t pieces, std::int64_t workers) {
  return (pieces + workers - 1) / workers;
}

class CostModel {
 public:
  CostModel(const RunWork& work, const Config& config, const Calibration& calibration, const Allocation& allocation)
      : work_(work),
        config_(config),
        values_(calibration.values),
        sample_(calibration.sample),
        ranks_(allocation.ranks()),
        threads_(allocation.cpus_per_rank),
        more_threads_(std::max(1.0, static_cast<double>(threads_) / sample_.threads_per_rank)) {
    const std::int64_t shards = largest_share(largest_share(work.images, work.shard_size), ranks_);
    start_ = values_.start_seconds + static_cast<double>(shards) * values_.shard_files_seconds;
    // Name, paths and sizes of an image, in the data set and in the list: 900 measured six folders deep.
    constexpr double bytes_of_listed_image = 1500;
    const auto more_images = static_cast<double>(std::max<std::int64_t>(0, work.images - sample_.listed_images));
    process_memory_ = values_.process_memory_bytes + more_images * bytes_of_listed_image;
  }

  [[nodiscard]] RunCost cost(const std::optional<double>& forward_rate) {
    add_shards(forward_rate);
    add_clusters();
    add_pictures();
    cost_.total.name = "total";
    for (const auto& stage : cost_.stages) {
      cost_.total.seconds += stage.seconds;
      cost_.total.bytes += stage.bytes;
      cost_.total.memory_bytes = std::max(cost_.total.memory_bytes, stage.memory_bytes);
    }
    return cost_;
  }

 private:
  void add(const char* name, const std::string& work, double seconds, double memory, std::int64_t bytes) {
    cost_.stages.push_back({name, work, seconds, memory, bytes});
  }
  void add_job(const char* name, double seconds, double memory, bool uses_model) {
    cost_.chain.push_back({name, "", start_ + seconds, memory, 0, uses_model});
  }
  [[nodiscard]] double rounds(std::int64_t shards, std::int64_t batch) const {
    return rounds_of_shards(shards, work_.images, work_.shard_size, batch, ranks_, threads_);
  }

  void add_shards(const std::optional<double>& forward_rate) {
    const std::int64_t batch = config_.model.batch_size;
    // What describe takes for a segment and what for an image is not told apart.
    const double expected = values_.segments_per_image * static_cast<double>(work_.images);
    const double describe_image =
        values_.describe_thread_seconds_per_image * (expected > 0 ? work_.segments / expected : 1);
    const double decode = rounds(work_.extract, batch) * values_.decode_thread_seconds_per_image;
    const double segment = rounds(work_.segment, work_.shard_size) * values_.segment_thread_seconds_per_image;
    double extract = rounds(work_.extract, batch) * values_.extract_thread_seconds_per_image;
    double describe = rounds(work_.describe, batch) * describe_image;
    if (forward_rate) {
      // Describe is worth so many passes of the model, and decoding goes on meanwhile.
      const double pass = values_.extract_thread_seconds_per_image - values_.decode_thread_seconds_per_image;
      const auto passes = [&](std::int64_t shards) {
        return rounds_of_shards(shards, work_.images, work_.shard_size, 1, ranks_, 1);
      };
      describe = passes(work_.describe) * describe_image / std::max(1e-9, pass) / *forward_rate;
      extract = std::max(decode - describe, passes(work_.extract) / *forward_rate);
    }
    const bool any = work_.extract + work_.segment + work_.describe > 0;
    const double load = any ? values_.weights_load_seconds : 0;
    const auto shard = static_cast<double>(std::min<std::int64_t>(work_.shard_size, work_.images));
    const double more_images = std::max(0.0, shard - sample_.shard_size);
    const double shards =
        more_threads_ * values_.shard_memory_bytes + more_images * values_.shard_memory_bytes_per_image;
    const double model = any ? values_.model_memory_bytes : 0;
    const double memory = process_memory_ + (any ? shards : 0);
    add("start", "the program, the weights, the list of images", start_ + load, process_memory_ + model, 0);
    add("extract", text_of(work_.extract), extract, memory + model, work_.write.keys);
    add("segment", text_of(work_.segment), segment, memory + model, work_.write.segments);
    add("describe", text_of(work_.describe), describe, memory + model, work_.write.descriptors);
    add_job("extract", load + extract, memory + model, true);
    add_job("segment", segment, memory, false);
    add_job("describe", load + decode + describe, memory + model, true);
  }

  void add_clusters() {
    if (work_.clusters.empty()) {
      add("cluster", "nothing to do", 0, process_memory_, 0);
      return add_job("cluster", 0, process_memory_, false);
    }
    const ClusterConfig& cluster = config_.cluster;
    const int dim = sample_.descriptor_width;
    const double clusters = cluster.restarts * clusters_in_groups(work_.clusters, 1);
    const double grouped = cluster.restarts * clusters_in_groups(work_.clusters, 16);
    const auto ranks = static_cast<double>(ranks_);
    const double rows = std::ceil(work_.segments / ranks);
    if (ranks_ > 1) {
      // Sums [K, D], counts and inertias [K] of all K and restarts, int64, up and down a tree: 20 µs a step, 1 GB/s.
      const double bytes = 8 * clusters * (dim + 2);
      cost_.allreduce_seconds = 2 * std::ceil(std::log2(ranks)) * 20e-6 + 2 * (ranks - 1) / ranks * bytes * 1e-9;
    }
    const bool mini_batch = cluster.algorithm == ClusterConfig::Algorithm::mini_batch;
    cost_.iterations = mini_batch ? cluster.epochs : cluster.max_iterations;
    cost_.iteration_seconds =
        rows / threads_ * grouped * values_.kmeans_iteration_thread_seconds + cost_.allreduce_seconds;
    const double seconds =
        values_.cluster_seconds + (cost_.iterations + 1) * cost_.iteration_seconds +
        rows / threads_ *
            (clusters * values_.kmeans_start_thread_seconds + grouped * values_.kmeans_quality_thread_seconds);
    const KMeansOptions options = kmeans_options(config_, work_.clusters, threads_);
    const double state = process_memory_ + rows * static_cast<double>(kmeans_bytes_per_row(options)) +
                         static_cast<double>(kmeans_bytes_of_centroids(options, dim));
    const double data = rows * dim * 4;
    const double room = cluster.memory ? std::max(0.0, static_cast<double>(*cluster.memory) - state) : data;
    const double memory = state + std::min(data, room) + 4 * rows * static_cast<double>(work_.clusters.size());
    std::string text = std::to_string(std::llround(work_.segments)) + " segments, K = ";
    for (const int k : work_.clusters) text += (k == work_.clusters.front() ? "" : ", ") + std::to_string(k);
    if (cluster.restarts > 1) text += ", " + std::to_string(cluster.restarts) + " restarts";
    add("cluster", text, seconds, memory, work_.write.clusters);
    add_job("cluster", seconds, memory, false);
  }

  void add_pictures() {
    const std::size_t clusters = config_.cluster.k.size();
    double mask = 0;
    std::int64_t masks = 0;
    for (const std::int64_t shards : work_.masks) {
      masks += std::min(work_.images, shards * work_.shard_size);
      mask += rounds(shards, work_.shard_size) * values_.mask_thread_seconds_per_image;
    }
    const double evaluate = rounds_of_images(work_.images, ranks_, threads_) * static_cast<double>(clusters) *
                            (work_.has_truth ? values_.evaluate_thread_seconds_per_image : 0);
    const auto shown = std::min<std::int64_t>(report_images, work_.images);
    const double pictures = pictures_of_image(work_.has_truth, clusters);
    const double report =
        rounds_of_images(shown, ranks_, threads_) * pictures * values_.report_thread_seconds_per_picture;
    const double memory = process_memory_ + 4 * work_.segments + more_threads_ * values_.image_memory_bytes;
    add("mask", masks == 0 ? "nothing to do" : std::to_string(masks) + " masks", mask, memory, work_.write.masks);
    add("evaluate", work_.has_truth ? std::to_string(work_.images) + " images" : "no ground truth", evaluate, memory,
        0);
    add("report", std::to_string(shown * std::llround(pictures)) + " pictures of " + std::to_string(shown) + " images",
        report, memory, work_.write.other);
    add_job("mask", 2 * start_ + mask + evaluate + report, memory, false);  // three commands one after the other
  }

  [[nodiscard]] std::string text_of(std::int64_t shards) const {
    if (shards == 0) return "nothing to do";
    const std::string text = std::to_string(std::min(work_.images, shards * work_.shard_size)) + " images in " +
                             std::to_string(shards) + (shards == 1 ? " shard" : " shards");
    return ranks_ == 1 ? text : text + ", at most " + std::to_string(largest_share(shards, ranks_)) + " per rank";
  }

  const RunWork& work_;
  const Config& config_;
  const CalibrationValues& values_;
  const CalibratedSample& sample_;
  std::int64_t ranks_;
  int threads_;
  double more_threads_;  ///< than measured; each takes memory, but fewer are not known to take less
  double start_ = 0;
  double process_memory_ = 0;
  RunCost cost_;
};

}  // namespace

double rounds_of_shards(std::int64_t shards, std::int64_t images, int shard_size, std::int64_t batch,
                        std::int64_t ranks, int threads) {
  const auto of_shard = [&](std::int64_t count) {
    const std::int64_t at_a_time = std::max<std::int64_t>(1, std::min(batch, count));
    return count / at_a_time * largest_share(at_a_time, threads) + largest_share(count % at_a_time, threads);
  };
  const std::int64_t mine = std::min(images, largest_share(shards, ranks) * shard_size);
  const std::int64_t rounds = mine / shard_size * of_shard(shard_size) + of_shard(mine % shard_size);
  return static_cast<double>(rounds);
}

double rounds_of_images(std::int64_t images, std::int64_t ranks, int threads) {
  return static_cast<double>(largest_share(largest_share(images, ranks), threads));
}

double pictures_of_image(bool has_truth, std::size_t clusters) {
  return (has_truth ? 3 : 2) + (has_truth ? 2 : 1) * static_cast<double>(clusters);
}

double clusters_in_groups(const std::vector<int>& clusters, int group) {
  double sum = 0;
  for (const int k : clusters) {
    const int rounded_up = (k + group - 1) / group * group;
    sum += rounded_up;
  }
  return sum;
}

RunCost cost_of_run(const RunWork& work, const Config& config, const Calibration& calibration,
                    const Allocation& allocation) {
  return CostModel(work, config, calibration, allocation).cost(allocation.forward_rate);
}

}  // namespace datus
