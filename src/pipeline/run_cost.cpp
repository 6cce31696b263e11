#include "datus/pipeline/run_cost.hpp"

#include <algorithm>
#include <cmath>

namespace datus {
namespace {

/// Pictures of up to so many images are in the report.
constexpr std::int64_t shown_images = 24;
/// Small files beside those of shards, masks and K: list, configuration, state, virtual files, summary and so on.
constexpr int files_of_a_run = 12;
constexpr int files_of_a_k = 3;

/// Seconds of the busiest rank, stage by stage.
struct ShardSeconds {
  double decode = 0;
  double forward = 0;
  double segment = 0;
  double crop = 0;      ///< of describe, on the cores
  double describe = 0;  ///< the rest of it: forward passes
  double read_keys = 0;
  double write_keys = 0;
  double write_segments = 0;
  double write_descriptors = 0;

  [[nodiscard]] double write() const { return write_keys + write_segments + write_descriptors; }
};

class CostModel {
 public:
  CostModel(const RunWork& work, const Config& config, const Calibration& calibration, const Allocation& allocation)
      : work_(work),
        config_(config),
        values_(calibration.values),
        calibration_(calibration),
        allocation_(allocation),
        shards_(seconds_of_shards()) {}

  [[nodiscard]] RunCost run() const {
    RunCost cost;
    cost.cluster = cost_of_clusters(work_, config_, calibration_, allocation_);
    cost.shard_write_seconds = shards_.write();
    cost.shard_compute_seconds = computing(shards_);
    const double fused = fused_seconds();
    const std::int64_t shard_memory =
        work_.pending.shards > 0 ? memory_of_shards(work_, config_, calibration_, allocation_) : base_memory();
    const double describe = shards_.crop + shards_.describe;
    const auto add = [&](const char* name, std::string text, double seconds, std::int64_t bytes, std::int64_t memory) {
      cost.stages.push_back({name, std::move(text), seconds, bytes, memory});
    };
    add("start", "the program, the weights, " + std::to_string(work_.all.images) + " image headers; small files",
        start_seconds(work_.decode.images > 0) + shard_files_seconds(), 0, base_memory() + model_memory());
    add("extract", text_of(work_.extract), fused - shards_.segment - describe, work_.write.keys, shard_memory);
    add("segment", text_of(work_.segment), shards_.segment, work_.write.segments, shard_memory);
    add("describe", text_of(work_.describe), describe, work_.write.descriptors, shard_memory);
    add("cluster", text_of_clusters(), cost.cluster.seconds, work_.write.clusters, cluster_memory());
    add("mask", text_of_masks(), mask_seconds(), work_.write.masks,
        images_memory(values_.mask_memory_bytes_per_thread));
    add("evaluate", work_.has_truth ? text_of(work_.all) : "no ground truth", evaluate_seconds(), 0,
        images_memory(values_.evaluate_memory_bytes_per_thread));
    add("report", std::to_string(pictures()) + " pictures of " + std::to_string(images_shown()) + " images",
        report_seconds(), work_.write.other, images_memory(values_.report_memory_bytes_per_thread));
    for (const auto& stage : cost.stages) {
      cost.seconds += stage.seconds;
      cost.bytes += stage.bytes;
      cost.memory_bytes = std::max(cost.memory_bytes, stage.memory_bytes);
    }
    const auto bytes_of_shards = static_cast<double>(work_.write.keys + work_.write.segments + work_.write.descriptors);
    if (fused > 0) cost.write_bytes_per_second = bytes_of_shards / fused;
    if (config_.storage.keeps_embeddings()) cost.chain = chain(cost.cluster.seconds, shard_memory);
    return cost;
  }

 private:
  [[nodiscard]] int threads() const { return allocation_.cpus_per_rank; }

  [[nodiscard]] std::int64_t base_memory() const { return memory_of_process(work_, calibration_); }
  [[nodiscard]] std::int64_t model_memory() const { return std::llround(values_.model_memory_bytes); }
  [[nodiscard]] std::int64_t images_memory(double bytes_per_thread) const {
    return memory_of_images(work_, calibration_, allocation_, bytes_per_thread);
  }
  [[nodiscard]] std::int64_t cluster_memory() const {
    return work_.clusters.empty() ? base_memory() : memory_of_clusters(work_, config_, calibration_, allocation_);
  }

  // Shards.

  /// Seconds of the busiest rank for a part, when an image takes `seconds` of a thread and `batch` images are handed
  /// to the threads at a time.
  [[nodiscard]] double seconds_of(const WorkPart& part, double seconds, std::int64_t batch) const {
    const WorkPart mine = busiest_rank(part, work_.shard_size, allocation_.ranks());
    if (mine.images == 0) return 0;
    const auto of_shard = std::min<std::int64_t>(work_.shard_size, mine.images);
    const double rounds = static_cast<double>(rounds_of(of_shard, batch, threads())) / static_cast<double>(of_shard);
    return static_cast<double>(mine.images) * rounds * seconds;
  }

  /// The same with a time for each segment.
  [[nodiscard]] double seconds_of_segments(const WorkPart& part, double seconds, std::int64_t batch) const {
    const WorkPart mine = busiest_rank(part, work_.shard_size, allocation_.ranks());
    if (mine.images == 0 || work_.all.images == 0) return 0;
    const double per_image = work_.segments / static_cast<double>(work_.all.images);
    const auto of_shard = std::max<std::int64_t>(
        1, std::llround(per_image * static_cast<double>(std::min<std::int64_t>(work_.shard_size, mine.images))));
    const double rounds = static_cast<double>(rounds_of(of_shard, batch, threads())) / static_cast<double>(of_shard);
    return per_image * static_cast<double>(mine.images) * rounds * seconds;
  }

  [[nodiscard]] ShardSeconds seconds_of_shards() const {
    ShardSeconds seconds;
    const std::int64_t whole_shard = work_.shard_size;
    const std::int64_t batch = config_.model.batch_size;
    const double decode = values_.decode_thread_seconds_per_megapixel * work_.megapixels_per_image;
    seconds.decode = seconds_of(work_.decode, decode, std::int64_t{4} * threads());
    seconds.segment = seconds_of(work_.segment, values_.segment_thread_seconds_per_image, whole_shard);
    const std::int64_t crops = std::max<std::int64_t>(batch, threads());
    const double crop = std::min(values_.crop_thread_seconds_per_segment, values_.describe_thread_seconds_per_segment);
    seconds.crop = seconds_of_segments(work_.describe, crop, crops);
    const double per_image = values_.describe_thread_seconds_per_image;
    const double per_segment = values_.describe_thread_seconds_per_segment - crop;
    if (allocation_.forward_rate) {
      // A pass of another size (a crop) takes its measured share of a pass of an image.
      const double rate = *allocation_.forward_rate;
      const double forward = values_.forward_thread_seconds_per_image;
      const auto passes = [&](const WorkPart& part, double of_image, double of_segment) {
        const auto images = static_cast<double>(busiest_rank(part, work_.shard_size, allocation_.ranks()).images);
        const double segments = work_.all.images > 0 ? work_.segments / static_cast<double>(work_.all.images) : 0;
        return forward > 0 ? images * (of_image + segments * of_segment) / forward / rate : 0;
      };
      seconds.forward = passes(work_.extract, forward, 0);
      seconds.describe = passes(work_.describe, per_image, per_segment);
    } else {
      seconds.forward = seconds_of(work_.extract, values_.forward_thread_seconds_per_image, batch);
      seconds.describe =
          seconds_of(work_.describe, per_image, batch) + seconds_of_segments(work_.describe, per_segment, batch);
    }
    seconds.read_keys = read_seconds(work_.read_keys, bytes_of_keys());
    seconds.write_keys = config_.storage.keeps_embeddings() ? write_seconds(work_.extract, work_.write.keys) : 0;
    seconds.write_segments = write_seconds(work_.segment, work_.write.segments);
    seconds.write_descriptors = write_seconds(work_.describe, work_.write.descriptors);
    return seconds;
  }

  /// Bytes of an image's keys as stored.
  [[nodiscard]] double bytes_of_keys() const {
    const double value = config_.storage.embeddings == StorageConfig::Embeddings::float32 ? 4 : 2;
    return value * calibration_.shape.grid.patches() * calibration_.shape.dim;
  }

  /// Bytes per second that a rank gets: the ranks of a node share what those of the calibration had together.
  [[nodiscard]] double share_of(double measured) const {
    const double of_node = measured * calibration_.machine.ranks_per_node;
    return std::min(measured, of_node / allocation_.ranks_per_node);
  }

  [[nodiscard]] double write_seconds(const WorkPart& part, std::int64_t bytes) const {
    if (part.shards == 0) return 0;
    const WorkPart mine = busiest_rank(part, work_.shard_size, allocation_.ranks());
    const double share = part.images > 0 ? static_cast<double>(mine.images) / static_cast<double>(part.images) : 0;
    return static_cast<double>(mine.shards) * values_.file_write_seconds +
           share * static_cast<double>(bytes) / share_of(values_.write_bytes_per_second);
  }

  [[nodiscard]] double read_seconds(const WorkPart& part, double bytes_per_image) const {
    const WorkPart mine = busiest_rank(part, work_.shard_size, allocation_.ranks());
    return static_cast<double>(mine.shards) * values_.file_open_seconds +
           static_cast<double>(mine.images) * bytes_per_image / share_of(values_.read_bytes_per_second);
  }

  /// A shard's stages follow each other. The next one is decoded meanwhile: on the same cores, unless the model has a
  /// device of its own.
  [[nodiscard]] double computing(const ShardSeconds& seconds) const {
    const double model = seconds.forward + seconds.describe;
    const double ahead = seconds.decode + seconds.read_keys;
    return seconds.segment + seconds.crop + (allocation_.forward_rate ? std::max(ahead, model) : ahead + model);
  }

  /// With the disk: files are written behind the computing, and those of the last shard after it.
  [[nodiscard]] double with_writing(const ShardSeconds& seconds, const WorkPart& part) const {
    const WorkPart mine = busiest_rank(part, work_.shard_size, allocation_.ranks());
    if (mine.shards == 0) return 0;
    const double last = seconds.write() / static_cast<double>(mine.shards);
    return std::max(computing(seconds), seconds.write()) + last;
  }
  [[nodiscard]] double fused_seconds() const { return with_writing(shards_, work_.pending); }

  // Before and after.

  [[nodiscard]] double start_seconds(bool loads_model) const {
    const auto images = static_cast<double>(work_.all.images);
    const auto ranks = static_cast<double>(allocation_.ranks());
    const double headers = images / ranks / threads() * values_.header_thread_seconds_per_image;
    const double verify = static_cast<double>(work_.verify_bytes) / ranks / share_of(values_.read_bytes_per_second);
    return values_.process_start_seconds + images * values_.list_seconds_per_image + headers + verify +
           values_.weights_hash_seconds + (loads_model ? values_.weights_load_seconds : 0) +
           files_of_a_run * values_.file_write_seconds;
  }

  /// Shards are opened once for each virtual file, once for unreadable images.
  [[nodiscard]] double shard_files_seconds() const {
    return 4.0 * static_cast<double>(shards_of_rank()) * values_.file_open_seconds;
  }
  [[nodiscard]] std::int64_t shards_of_rank() const {
    return busiest_rank(work_.all, work_.shard_size, allocation_.ranks()).shards;
  }

  [[nodiscard]] double mask_seconds() const {
    double seconds = 0;
    for (const auto& [k, part] : work_.masks) {
      if (part.shards == 0) continue;
      const double one =
          k > 255 ? values_.mask_and_preview_thread_seconds_per_image : values_.mask_thread_seconds_per_image;
      const WorkPart mine = busiest_rank(part, work_.shard_size, allocation_.ranks());
      seconds += seconds_of(part, one, work_.shard_size) + values_.file_open_seconds +
                 static_cast<double>(mine.shards) * (values_.file_write_seconds + values_.file_open_seconds);
    }
    return seconds;
  }

  [[nodiscard]] double evaluate_seconds() const {
    if (!work_.has_truth) return 0;
    const double image = values_.evaluate_thread_seconds_per_megapixel * work_.megapixels_per_image;
    const auto mine = busiest_rank(work_.all, work_.shard_size, allocation_.ranks());
    const double rounds = static_cast<double>(rounds_of(mine.images, mine.images, threads()));
    const double files = static_cast<double>(mine.shards) * values_.file_open_seconds + values_.file_write_seconds;
    return static_cast<double>(config_.cluster.k.size()) * (rounds * image + files);
  }

  [[nodiscard]] std::int64_t images_shown() const { return std::min(shown_images, work_.all.images); }
  /// The image, its segments, its truth; for each K its mask, with truth that of the classes too.
  [[nodiscard]] std::int64_t pictures() const {
    const std::int64_t of_k = work_.has_truth ? 2 : 1;
    return images_shown() * (2 + (work_.has_truth ? 1 : 0) + of_k * std::ssize(config_.cluster.k));
  }
  [[nodiscard]] double report_seconds() const {
    if (images_shown() == 0) return 0;
    const std::int64_t mine = (images_shown() + allocation_.ranks() - 1) / allocation_.ranks();
    const auto per_image = static_cast<double>(pictures()) / static_cast<double>(images_shown());
    return static_cast<double>(rounds_of(mine, mine, threads())) * per_image *
           values_.report_thread_seconds_per_picture;
  }

  // The jobs of a chain.

  [[nodiscard]] JobCost job(const char* name, const ShardSeconds& seconds, const WorkPart& part, bool loads_model,
                            std::int64_t memory) const {
    return {name, start_seconds(loads_model) + shard_files_seconds() + with_writing(seconds, part), memory,
            loads_model};
  }

  [[nodiscard]] std::vector<JobCost> chain(double cluster_seconds, std::int64_t shard_memory) const {
    ShardSeconds extract;
    extract.decode = shards_.decode;
    extract.forward = shards_.forward;
    extract.write_keys = shards_.write_keys;
    ShardSeconds segment;
    segment.segment = shards_.segment;
    segment.read_keys = read_seconds(work_.segment, bytes_of_keys());
    segment.write_segments = shards_.write_segments;
    ShardSeconds describe;
    describe.decode = shards_.decode;
    describe.crop = shards_.crop;
    describe.describe = shards_.describe;
    if (config_.descriptor.kind == DescriptorConfig::Kind::mean_key) {
      describe.read_keys = read_seconds(work_.describe, bytes_of_keys());
    }
    describe.write_descriptors = shards_.write_descriptors;
    const std::int64_t without_model = std::max(base_memory(), shard_memory - model_memory());
    const double after = mask_seconds() + evaluate_seconds() + report_seconds();
    const std::int64_t after_memory = std::max({images_memory(values_.mask_memory_bytes_per_thread),
                                                images_memory(values_.evaluate_memory_bytes_per_thread),
                                                images_memory(values_.report_memory_bytes_per_thread)});
    std::vector<JobCost> jobs = {job("extract", extract, work_.extract, true, shard_memory),
                                 job("segment", segment, work_.segment, false, without_model),
                                 job("describe", describe, work_.describe, true, shard_memory)};
    jobs.push_back({"cluster", start_seconds(false) + cluster_seconds, cluster_memory(), false});
    // Three commands one after the other.
    jobs.push_back({"mask", 3 * start_seconds(false) + after, after_memory, false});
    return jobs;
  }

  // Words.

  [[nodiscard]] std::string text_of(const WorkPart& part) const {
    if (part.shards == 0) return "nothing to do";
    const WorkPart mine = busiest_rank(part, work_.shard_size, allocation_.ranks());
    std::string text = std::to_string(part.images) + " images in " + std::to_string(part.shards) +
                       (part.shards == 1 ? " shard" : " shards");
    if (allocation_.ranks() > 1) text += ", at most " + std::to_string(mine.shards) + " per rank";
    return text;
  }

  [[nodiscard]] static std::string list_of(const std::vector<int>& values) {
    std::string text;
    for (const int value : values) text += (text.empty() ? "K = " : ", ") + std::to_string(value);
    return text;
  }

  [[nodiscard]] std::string text_of_clusters() const {
    if (work_.clusters.empty()) return "nothing to do";
    std::string text = std::to_string(std::llround(work_.segments)) + " segments, " + list_of(work_.clusters);
    if (config_.cluster.restarts > 1) text += ", " + std::to_string(config_.cluster.restarts) + " restarts";
    return text;
  }

  [[nodiscard]] std::string text_of_masks() const {
    std::int64_t masks = 0;
    for (const auto& [k, part] : work_.masks) masks += part.images;
    return masks == 0 ? "nothing to do" : std::to_string(masks) + " masks";
  }

  const RunWork& work_;
  const Config& config_;
  const CalibrationValues& values_;
  const Calibration& calibration_;
  const Allocation& allocation_;
  ShardSeconds shards_;
};

}  // namespace

std::int64_t rounds_of(std::int64_t count, std::int64_t batch, int threads) {
  const auto of = [&](std::int64_t pieces) { return (pieces + threads - 1) / threads; };
  if (count <= 0) return 0;
  const std::int64_t at_a_time = std::max<std::int64_t>(1, std::min(batch, count));
  return count / at_a_time * of(at_a_time) + of(count % at_a_time);
}

WorkPart busiest_rank(const WorkPart& part, int shard_size, std::int64_t ranks) {
  const std::int64_t shards = (part.shards + ranks - 1) / ranks;
  return {shards, std::min(part.images, shards * shard_size)};
}

double allreduce_seconds(const CalibrationValues& values, std::int64_t ranks, double bytes) {
  if (ranks <= 1) return 0;
  constexpr double assumed_step = 20e-6;
  constexpr double assumed_per_byte = 1e-9;
  const bool measured = values.allreduce_step_seconds > 0 || values.allreduce_seconds_per_byte > 0;
  const double step = measured ? values.allreduce_step_seconds : assumed_step;
  const double per_byte = measured ? values.allreduce_seconds_per_byte : assumed_per_byte;
  const auto all = static_cast<double>(ranks);
  return 2 * std::ceil(std::log2(all)) * step + 2 * (all - 1) / all * bytes * per_byte;
}

RunCost cost_of_run(const RunWork& work, const Config& config, const Calibration& calibration,
                    const Allocation& allocation) {
  return CostModel(work, config, calibration, allocation).run();
}

}  // namespace datus
