// SPDX-License-Identifier: Apache-2.0
#include "pipeline/plan/cost_model.hpp"

#include "datus/algo/kmeans.hpp"
#include "datus/pipeline/report_limits.hpp"
#include "pipeline/inputs/options_of_config.hpp"
#include "pipeline/shards/batch_fill.hpp"
#include "pipeline/shards/shard_writers.hpp"
#include "pipeline/stages/cluster/fine_clusters.hpp"
#include "pipeline/stages/cluster/group_choice.hpp"
#include "pipeline/stages/gpu_stages.hpp"
#include "pipeline/stages/refined_labels.hpp"

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
  CostModel(const RunPlan& plan, double segments, const Config& config, const Calibration& calibration,
            const Allocation& allocation)
      : plan_(plan), segments_(segments), config_(config), measured_(calibration), allocation_(allocation) {}

  [[nodiscard]] RunCost cost() {
    add_shards();
    add_clusters();
    add_pictures();
    if (allocation_.has_gpus) add_gpu_memory();
    cost_.total.name = "total";
    for (const auto& stage : cost_.stages) {
      cost_.total.seconds += stage.seconds;
      cost_.total.bytes += stage.bytes;
      cost_.total.memory_bytes = std::max(cost_.total.memory_bytes, stage.memory_bytes);
      cost_.total.gpu_bytes = std::max(cost_.total.gpu_bytes, stage.gpu_bytes);
    }
    return cost_;
  }

 private:
  [[nodiscard]] double rounds(std::int64_t shards, std::int64_t batch) const {
    return rounds_of_shards(shards, images_, plan_.shard_size, batch, ranks_, threads_);
  }

  [[nodiscard]] std::int64_t shards_of(Stage stage) const {
    return std::ranges::count_if(plan_.todo.shards, [&](const StageSet& stale) { return stale.has(stage); });
  }

  /// Images whose keys are written while those of one shard more are, which is in any rank's memory.
  [[nodiscard]] static double images_written(bool has_gpus, int threads, std::int64_t shard_size) {
    return static_cast<double>((shard_writers(has_gpus, threads) - 1) * shard_size);
  }

  void add_shards() {
    const std::int64_t batch = config_.model.batch_size;
    const std::int64_t to_segment = shards_of(Stage::segment);
    const std::int64_t to_describe = shards_of(Stage::describe);
    const std::int64_t to_extract =
        plan_.keeps_keys ? shards_of(Stage::extract) : std::ranges::count_if(plan_.todo.shards, &StageSet::any);
    // What describe takes for a segment and what for an image is not told apart.
    const double expected = measured_.segments_per_image * static_cast<double>(images_);
    const double describe_image =
        measured_.describe_thread_seconds_per_image * (expected > 0 ? segments_ / expected : 1);
    const double segment = rounds(to_segment, plan_.shard_size) * measured_.segment_thread_seconds_per_image;
    double extract = rounds(to_extract, batch) * measured_.extract_thread_seconds_per_image;
    double describe = rounds(to_describe, batch) * describe_image;
    cost_.decode_seconds = rounds(to_extract, batch) * measured_.decode_thread_seconds_per_image;
    if (allocation_.forward_rate) {
      // Describe is worth so many passes of the model, and decoding goes on meanwhile.
      const double pass = measured_.extract_thread_seconds_per_image - measured_.decode_thread_seconds_per_image;
      const auto seconds = [&](std::int64_t shards) {
        return rounds_of_shards(shards, images_, plan_.shard_size, 1, ranks_, 1) / *allocation_.forward_rate;
      };
      describe = seconds(to_describe) * describe_image / std::max(1e-9, pass);
      extract = std::max(cost_.decode_seconds - describe, seconds(to_extract));
    }
    // Of an image more in a shard: pixels and keys, in the shard that is read, the one at work and the one written;
    // with GPUs four are at work, each with those that share its batches.
    const PixelSize input = config_.model.input_size;
    const bool is_float32 = config_.storage.embeddings == StorageConfig::Embeddings::float32;
    const double keys =
        (is_float32 ? 4.0 : 2.0) * measured_.grid_rows * measured_.grid_cols * measured_.embedding_width;
    const double image_bytes = (allocation_.has_gpus ? 6 : 3) * (3.0 * input.rows * input.cols + keys);
    const std::int64_t together =
        allocation_.has_gpus ? shards_in_batch(config_.model.batch_size, plan_.shard_size) : 1;
    const auto shard = static_cast<double>(std::min(together * plan_.shard_size, images_));
    double memory = process_memory_;
    if (to_extract + to_segment + to_describe > 0) {
      memory +=
          more_threads_ * measured_.shard_memory_bytes + image_bytes * std::max(0.0, shard - measured_.shard_size);
      memory += keys *
                std::max(0.0, images_written(allocation_.has_gpus, threads_, plan_.shard_size) -
                                  images_written(measured_.has_gpus, measured_.threads_per_rank, measured_.shard_size));
    }
    cost_.stages = {
        {"start", "the program, the weights, the list of images", measured_.start_seconds, process_memory_, 0},
        {"extract", text_of(to_extract), extract, memory, write_.keys},
        {"segment", text_of(to_segment), segment, memory, write_.segments},
        {"describe", text_of(to_describe), describe, memory, write_.descriptors}};
  }

  /// In how many groups the ranks work on k-means: so many times the rows are held then, beside those of all ranks.
  /// Sets what an iteration and the start take, `products` being that of an iteration whose rows and pairs are shared
  /// evenly. What a rank does alone was measured; how ranks share the work, and what they tell each other, is modelled.
  [[nodiscard]] double add_groups(const KMeansOptions& options, double products) {
    const ClusterConfig& cluster = config_.cluster;
    cost_.iteration_seconds = products;
    if (ranks_ == 1) return 0;
    GroupProblem problem =
        group_problem(options, std::llround(segments_), measured_.descriptor_width, static_cast<int>(ranks_));
    problem.ranks_per_node = allocation_.ranks_per_node;
    problem.on_gpus = allocation_.has_gpus && !refuses_gpu(cluster.device);
    if (problem.clusters.size() > 1) {
      const GroupChoice choice =
          cluster.groups ? asked_groups(problem, *cluster.groups) : choose_groups(problem, [](int) { return true; });
      cost_.groups = choice.groups;
      cost_.why_groups = choice.why;
    }
    // As many as the plan counts with; an epoch has a sum for each batch.
    const double passes =
        std::max(1.0, std::ceil(segments_ / static_cast<double>(std::max<std::int64_t>(1, problem.rows_of_pass))));
    problem.passes = cost_.iterations * passes;
    const GroupTime evenly = modelled_time(problem, 1);
    const GroupTime time = modelled_time(problem, cost_.groups);
    if (evenly.products > 0) cost_.iteration_seconds *= time.products / evenly.products;
    cost_.iteration_seconds += passes * time.rest;
    return time.once;
  }

  void add_clusters() {
    if (plan_.todo.clusters.empty()) {
      cost_.stages.push_back({"cluster", "nothing to do", 0, process_memory_, 0});
      return;
    }
    const ClusterConfig& cluster = config_.cluster;
    const int dim = measured_.descriptor_width;
    const double rows = std::ceil(segments_ / static_cast<double>(ranks_));
    const bool mini_batch = cluster.algorithm == ClusterConfig::Algorithm::mini_batch;
    fitted_ = fitted_clusters(cluster, plan_.todo.clusters, std::llround(segments_));
    const double work = rows / threads_ * grouped_clusters(fitted_, cluster.restarts);
    cost_.iterations = mini_batch ? cluster.epochs : cluster.max_iterations;
    cost_.iterations_of = mini_batch ? " epochs (cluster.epochs)" : " iterations (cluster.max_iterations)";
    const KMeansOptions options = kmeans_options(config_, fitted_, threads_);
    const double once = add_groups(options, work * measured_.kmeans_iteration_thread_seconds);
    const double seconds = measured_.cluster_seconds + (cost_.iterations + 1) * cost_.iteration_seconds + once +
                           work * measured_.kmeans_rest_thread_seconds;
    const double state = process_memory_ + rows * static_cast<double>(kmeans_bytes_per_row(options)) +
                         static_cast<double>(kmeans_bytes_of_centroids(options, dim));
    const double data = rows * dim * 4 * (cost_.groups == 1 ? 1 : 1 + cost_.groups);
    const double room = cluster.memory ? std::max(0.0, static_cast<double>(*cluster.memory) - state) : data;
    const double memory = state + std::min(data, room) + 4 * rows * static_cast<double>(plan_.todo.clusters.size());
    std::string text = std::to_string(std::llround(segments_)) + " segments, K = ";
    for (const int k : plan_.todo.clusters) text += (k == plan_.todo.clusters.front() ? "" : ", ") + std::to_string(k);
    if (cluster.fine) text += " of " + std::to_string(fitted_.back()) + " fine clusters";
    if (cluster.restarts > 1) text += ", " + std::to_string(cluster.restarts) + " restarts";
    cost_.stages.push_back({"cluster", text, seconds, memory, write_.clusters});
  }

  void add_pictures() {
    const std::size_t clusters = config_.cluster.k.size();
    double mask = 0;
    std::int64_t masks = 0;
    for (const auto& [k, shards] : plan_.todo.masks) {
      masks += std::min<std::int64_t>(images_, std::ssize(shards) * plan_.shard_size);
      mask += rounds(std::ssize(shards), plan_.shard_size) * measured_.mask_thread_seconds_per_image;
    }
    const double evaluate = rounds_of_images(images_, ranks_, threads_) * static_cast<double>(clusters) *
                            (plan_.has_truth ? measured_.evaluate_thread_seconds_per_image : 0);
    const auto shown = std::min<std::int64_t>(report_images, images_);
    const double pictures = pictures_of_image(plan_.has_truth, clusters);
    const double report =
        rounds_of_images(shown, ranks_, threads_) * pictures * measured_.report_thread_seconds_per_picture;
    const double memory = process_memory_ + 4 * segments_ + more_threads_ * measured_.image_memory_bytes;
    // The sample may have had fewer clusters.
    const std::int64_t refining = refining_bytes_per_pixel(config_.mask.refine, std::ranges::max(config_.cluster.k)) *
                                  config_.model.input_size.rows * config_.model.input_size.cols;
    const double mask_memory =
        std::max(memory, process_memory_ + 4 * segments_ + threads_ * static_cast<double>(masks == 0 ? 0 : refining));
    cost_.stages.insert(
        cost_.stages.end(),
        {{"mask", masks == 0 ? "nothing to do" : std::to_string(masks) + " masks", mask, mask_memory, write_.masks},
         {"evaluate", plan_.has_truth ? std::to_string(images_) + " images" : "no ground truth", evaluate, memory, 0},
         {"report",
          std::to_string(shown * std::llround(pictures)) + " pictures of " + std::to_string(shown) + " images", report,
          memory, write_.other}});
  }

  /// The graphs lie on the GPU beside the model, shard by shard; the model is gone when k-means begins.
  void add_gpu_memory() {
    cost_.gpu_memory = gpu_memory(config_, measured_, threads_, std::min<std::int64_t>(plan_.shard_size, images_),
                                  cost_.groups * std::ceil(segments_ / static_cast<double>(ranks_)), fitted_);
    const bool has_shards = std::ranges::any_of(plan_.todo.shards, &StageSet::any);
    const bool has_masks = std::ranges::any_of(plan_.todo.masks, [](const auto& of_k) { return !of_k.second.empty(); });
    for (const Stage stage : all_stages) {
      const auto cost = std::ranges::find(cost_.stages, stage_name(stage), &StageCost::name);
      if (cost == cost_.stages.end() || !uses_gpu(stage, config_)) continue;
      cost->asks_for_gpu = asks_for_gpu(stage, config_);
      if (stage == Stage::cluster) {
        if (cost_.gpu_memory.cluster > 0) cost->gpu_bytes = cost_.gpu_memory.of_cluster();
      } else if (stage == Stage::mask) {
        if (has_masks) cost->gpu_bytes = cost_.gpu_memory.of_masks();
      } else if (has_shards) {
        cost->gpu_bytes = cost_.gpu_memory.of_shards();
      }
    }
  }

  [[nodiscard]] std::string text_of(std::int64_t shards) const {
    if (shards == 0) return "nothing to do";
    const std::string text =
        counted(std::min(images_, shards * plan_.shard_size), "image") + " in " + counted(shards, "shard");
    return ranks_ == 1 ? text : text + ", at most " + std::to_string(largest_share(shards, ranks_)) + " per rank";
  }

  const RunPlan& plan_;
  const double segments_;
  const Config& config_;
  const Calibration& measured_;
  const Allocation& allocation_;
  const std::int64_t ranks_ = allocation_.ranks();
  const int threads_ = allocation_.cpus_per_rank;
  const std::int64_t images_ = plan_.images - plan_.unreadable;
  const RunSize write_ = bytes_to_write(plan_.whole, plan_.present);
  /// Than measured; each takes memory, but fewer are not known to take less.
  const double more_threads_ = std::max(1.0, static_cast<double>(threads_) / measured_.threads_per_rank);
  /// Name, paths and sizes of an image more, in the data set and in the list: 900 bytes measured six folders deep.
  const double process_memory_ = measured_.process_memory_bytes + 1500.0 * static_cast<double>(std::max<std::int64_t>(
                                                                               0, images_ - measured_.listed_images));
  std::vector<int> fitted_;  ///< the numbers of clusters that k-means fits for what is to be done
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
  return (has_truth ? 3 : 2) + static_cast<double>(clusters);
}

double grouped_clusters(const std::vector<int>& clusters, int restarts) {
  double sum = 0;
  for (const int k : clusters) sum += 16.0 * restarts * std::ceil(k / 16.0);
  return sum;
}

RunCost cost_of_run(const RunPlan& plan, double segments, const Config& config, const Calibration& calibration,
                    const Allocation& allocation) {
  return CostModel(plan, segments, config, calibration, allocation).cost();
}

}  // namespace datus
