#include "datus/pipeline/plan_cost.hpp"

#include "pipeline/session/open_run.hpp"
#include "pipeline/shards/shard_inputs.hpp"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <utility>

namespace datus {
namespace {

/// Pictures of up to so many images are in the report.
constexpr std::int64_t shown_images = 24;

bool is_readable(const ListedImage& image) {
  return image.width > 0;
}

std::int64_t readable_in(const ImageList& list, ShardIndex shard) {
  const auto [begin, end] = list.range(shard);
  return std::count_if(list.images.begin() + begin, list.images.begin() + end, is_readable);
}

/// The images of some shards, in shards as they are.
ImageList images_of(const ImageList& all, const std::vector<ShardIndex>& shards) {
  ImageList part;
  part.shard_size = all.shard_size;
  for (const ShardIndex shard : shards) {
    const auto [begin, end] = all.range(shard);
    part.images.insert(part.images.end(), all.images.begin() + begin, all.images.begin() + end);
  }
  return part;
}

KnownSizes sizes_of(const Calibration& calibration, const RunContext& run, double segments_per_image,
                    std::int64_t images) {
  const auto& values = calibration.values;
  const double of_k = run.dataset->has_truth() ? 2 : 1;
  const double pictures =
      2 + (run.dataset->has_truth() ? 1 : 0) + of_k * static_cast<double>(run.config.cluster.k.size());
  return {
      .segments_per_image = segments_per_image,
      .mask_bytes = values.mask_bytes_per_image,
      .mask_and_preview_bytes = values.mask_and_preview_bytes_per_image,
      .report_bytes = static_cast<double>(std::min(shown_images, images)) * pictures * values.report_bytes_per_picture};
}

/// Sums up the shards of a plan.
class WorkCounter {
 public:
  WorkCounter(const RunPlan& plan, const ImageList& list, const RunContext& run, const Calibration& calibration,
              double segments)
      : plan_(plan), list_(list), run_(run), calibration_(calibration) {
    work_.shard_size = list.shard_size;
    work_.has_truth = run.dataset->has_truth();
    work_.segments = segments;
    work_.clusters = plan.todo.clusters;
    work_.all.shards = list.shards();
    double pixels = 0;
    for (const auto& image : list.images) {
      if (!is_readable(image)) continue;
      const double own = static_cast<double>(image.width) * image.height;
      ++work_.all.images;
      pixels += own;
      work_.largest_megapixels = std::max(work_.largest_megapixels, 1e-6 * own);
    }
    if (work_.all.images > 0) work_.megapixels_per_image = 1e-6 * pixels / static_cast<double>(work_.all.images);
  }

  RunWork count() {
    for (std::size_t i = 0; i < plan_.todo.shards.size(); ++i) {
      add_shard({static_cast<std::int64_t>(i)}, plan_.todo.shards[i]);
    }
    for (const auto& [k, shards] : plan_.todo.masks) {
      WorkPart& part = work_.masks[k];
      for (const ShardIndex shard : shards) add(part, readable_in(list_, shard));
    }
    work_.verify_bytes = plan_.present.keys + plan_.present.segments + plan_.present.descriptors + plan_.present.masks;
    count_bytes();
    return std::move(work_);
  }

 private:
  static void add(WorkPart& part, std::int64_t images) {
    ++part.shards;
    part.images += images;
  }

  void add_shard(ShardIndex shard, const StaleFiles& stale) {
    if (!stale.any()) return;
    const std::int64_t images = readable_in(list_, shard);
    const ShardNeeds needs = needs_of(run_, stale);
    const bool keeps_keys = run_.config.storage.keeps_embeddings();
    // Without stored keys, segments and the means of keys need a forward pass too.
    const bool of_keys = run_.config.descriptor.kind == DescriptorConfig::Kind::mean_key &&
                         !run_.config.descriptor.weights && stale.descriptors;
    add(work_.pending, images);
    if (needs.images) add(work_.decode, images);
    if (needs.keys) add(work_.read_keys, images);
    if (stale.keys || (!keeps_keys && (stale.segments || of_keys))) add(work_.extract, images);
    if (stale.segments) add(work_.segment, images);
    if (stale.descriptors) add(work_.describe, images);
    if (stale.keys) keys_.push_back(shard);
    if (stale.segments) segments_.push_back(shard);
    if (stale.descriptors) descriptors_.push_back(shard);
  }

  [[nodiscard]] RunSize size_of(const std::vector<ShardIndex>& shards, const std::vector<int>& clusters) const {
    if (std::ssize(shards) == list_.shards()) return size_of_list(list_, clusters);
    return size_of_list(images_of(list_, shards), clusters);
  }

  [[nodiscard]] RunSize size_of_list(const ImageList& list, const std::vector<int>& clusters) const {
    Config config = run_.config;
    config.cluster.k = clusters;
    const double per_image = work_.all.images > 0 ? work_.segments / static_cast<double>(work_.all.images) : 0;
    const auto& shape = calibration_.shape;
    return estimate_run_size(config, list, shape.grid, shape.dim, shape.descriptor_dim,
                             sizes_of(calibration_, run_, per_image, work_.all.images));
  }

  void count_bytes() {
    work_.write.keys = size_of(keys_, {}).keys;
    work_.write.segments = size_of(segments_, {}).segments;
    work_.write.descriptors = size_of(descriptors_, {}).descriptors;
    work_.write.clusters = size_of_list(list_, work_.clusters).clusters;
    for (const auto& [k, shards] : plan_.todo.masks) work_.write.masks += size_of(shards, {k}).masks;
    // Scores, report and the like are written each time.
    work_.write.other = size_of_list(list_, run_.config.cluster.k).other;
  }

  const RunPlan& plan_;
  const ImageList& list_;
  const RunContext& run_;
  const Calibration& calibration_;
  std::vector<ShardIndex> keys_;
  std::vector<ShardIndex> segments_;
  std::vector<ShardIndex> descriptors_;
  RunWork work_;
};

Allocation allocation_of(const CostRequest& request, const Calibration& calibration) {
  Allocation allocation;
  allocation.nodes = request.nodes;
  allocation.has_gpus = request.gpus_per_node.has_value();
  allocation.ranks_per_node =
      request.gpus_per_node.value_or(request.ranks_per_node.value_or(calibration.machine.ranks_per_node));
  allocation.cpus_per_rank = request.cpus_per_rank.value_or(calibration.machine.threads_per_rank);
  allocation.forward_rate = request.forward_rate;
  return allocation;
}

}  // namespace

ImageList list_as_if(const ImageList& list, std::int64_t count) {
  ImageList other;
  other.shard_size = list.shard_size;
  other.images.reserve(static_cast<std::size_t>(count));
  const std::int64_t size = list.size();
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t from = count < size ? i * size / count : i % size;
    other.images.push_back(list.images[static_cast<std::size_t>(from)]);
  }
  return other;
}

RunWork work_of_plan(const RunPlan& plan, const ImageList& list, const RunContext& run, const Calibration& calibration,
                     double segments) {
  return WorkCounter(plan, list, run, calibration, segments).count();
}

ExitCode print_cost_plan(const Config& config, const CostRequest& request, Communicator& comm) {
  on_root(comm, [&] { require_key(config, "model.weights", "the run needs a backbone"); });
  const auto path = request.calibration.value_or(default_calibration_file(config));
  Calibration calibration;
  collectively(comm, [&] { calibration = read_calibration(path); });
  const auto run = open_run(config, std::nullopt, comm, RunAccess::look);
  collectively(
      comm, [&] { require_calibration_of(calibration, calibration_subject(config, run->provenance.inputs()), path); });
  const bool as_if = request.images || request.segments;
  const ImageList list = as_if ? list_as_if(run->list, request.images.value_or(run->list.size())) : run->list;
  const auto readable = static_cast<double>(std::ranges::count_if(list.images, is_readable));
  const double segments =
      request.segments ? static_cast<double>(*request.segments) : calibration.values.segments_per_image * readable;
  const double per_image = readable > 0 ? segments / readable : 0;
  const RunPlan plan =
      as_if ? plan_of_new_run(*run, list, calibration.shape, {.segments_per_image = per_image}) : plan_run(*run);
  if (comm.rank() != 0) return ExitCode::done;
  const RunWork work = work_of_plan(plan, list, *run, calibration, segments);
  const Allocation allocation = allocation_of(request, calibration);
  const RunCost cost = cost_of_run(work, config, calibration, allocation);
  if (as_if) {
    std::cout << "as if it were a new run of " << list.size() << " images with " << std::llround(segments)
              << " segments; listed are " << run->list.size() << " images\n";
  }
  std::cout << plan_text(plan) << "\n";
  if (!as_if && run->list.hash().hex() != calibration.image_list) {
    std::cout << "the calibration was measured with another list of images\n";
  }
  std::cout << cost_text(cost, work, config, calibration, allocation, request) << std::flush;
  return ExitCode::done;
}

}  // namespace datus
