#include "datus/pipeline/cost_plan.hpp"

#include "datus/core/job_identity.hpp"
#include "datus/io/atomic_file.hpp"
#include "datus/io/mask_file.hpp"
#include "datus/pipeline/report_limits.hpp"
#include "pipeline/plan/cost_text.hpp"
#include "pipeline/plan/run_plan.hpp"
#include "pipeline/plan/sample_run.hpp"
#include "pipeline/session/open_run.hpp"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <iostream>

#include <unistd.h>

namespace datus {
namespace {

namespace fs = std::filesystem;

/// Since this process was started; 0 when the kernel does not tell.
double seconds_of_process() {
  timespec now{};
  const auto ticks = static_cast<double>(this_process().started);
  if (ticks <= 0 || ::clock_gettime(CLOCK_BOOTTIME, &now) != 0) return 0;
  const double started = ticks / static_cast<double>(std::max(1L, ::sysconf(_SC_CLK_TCK)));
  return std::max(0.0, static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec) - started);
}

/// `count` images like those of the list.
ImageList list_as_if(const ImageList& list, std::int64_t count) {
  ImageList other;
  other.shard_size = list.shard_size;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t from = count < list.size() ? i * list.size() / count : i % list.size();
    other.images.push_back(list.images[static_cast<std::size_t>(from)]);
  }
  return other;
}

RunWork work_of(const RunPlan& plan, const RunContext& run, std::int64_t images, double segments) {
  RunWork work;
  work.images = images;
  work.shard_size = run.list.shard_size;
  work.segments = segments;
  const bool keeps_keys = keeps_files(run.config.storage, Stage::extract);
  for (const StageSet& stale : plan.todo.shards) {
    work.extract += stale.has(Stage::extract) || (stale.any() && !keeps_keys) ? 1 : 0;
    work.segment += stale.has(Stage::segment) ? 1 : 0;
    work.describe += stale.has(Stage::describe) ? 1 : 0;
  }
  work.clusters = plan.todo.clusters;
  for (const auto& [k, shards] : plan.todo.masks) work.masks.push_back(std::ssize(shards));
  work.has_truth = run.dataset->has_truth();
  work.write = bytes_to_write(plan.whole, plan.present);
  return work;
}

}  // namespace

ExitCode calibrate_run(const Config& config, const std::optional<fs::path>& file, double seconds, Communicator& comm) {
  on_root(comm, [&] { require_key(config, "model.weights", "the model is what takes the time"); });
  const fs::path target = file.value_or(default_calibration_file(config));
  const auto run = open_run(config, std::nullopt, comm, RunAccess::look);
  const Calibration calibration = measure_sample(*run, seconds, seconds_of_process());
  on_root(comm, [&] {
    if (target.has_parent_path()) fs::create_directories(target.parent_path());
    write_text_atomically(target, calibration_text(calibration), run->writing());
    std::cout << target.string() << ": " << measured_text(calibration) << std::endl;
  });
  return ExitCode::done;
}

ExitCode print_cost_plan(const Config& config, const CostRequest& request, Communicator& comm) {
  on_root(comm, [&] { require_key(config, "model.weights", "the run needs a backbone"); });
  const auto path = request.calibration.value_or(default_calibration_file(config));
  Calibration calibration;
  collectively(comm, [&] { calibration = read_calibration(path); });
  const auto run = open_run(config, std::nullopt, comm, RunAccess::look);
  collectively(
      comm, [&] { require_calibration_of(calibration, calibration_subject(config, run->provenance.inputs()), path); });
  const CalibrationValues& values = calibration.values;
  const CalibratedSample& sample = calibration.sample;
  const bool as_if = request.images || request.segments;
  const ImageList list = as_if ? list_as_if(run->list, request.images.value_or(run->list.size())) : run->list;
  const auto images = std::ranges::count_if(list.images, &ListedImage::is_readable);
  const double segments = request.segments ? static_cast<double>(*request.segments)
                                           : values.segments_per_image * static_cast<double>(images);
  KnownSizes known{.segments_per_image = segments / std::max(1.0, static_cast<double>(images))};
  // A sample has rarely segments enough for masks of 16 bits.
  if (values.mask_bytes_per_image > 0 && !needs_preview(config.cluster.k.back())) {
    known.mask_bytes = values.mask_bytes_per_image;
    known.report_bytes = values.report_bytes_per_picture *
                         static_cast<double>(std::min<std::int64_t>(report_images, images)) *
                         pictures_of_image(run->dataset->has_truth(), config.cluster.k.size());
  }
  const ModelShape shape = sample.shape();
  const RunPlan plan = as_if ? plan_of_new_run(*run, list, shape, known) : plan_run(*run);
  if (comm.rank() != 0) return ExitCode::done;
  const Allocation allocation{
      .nodes = request.nodes,
      .ranks_per_node = request.gpus_per_node.value_or(request.ranks_per_node.value_or(sample.ranks_per_node)),
      .cpus_per_rank = request.cpus_per_rank.value_or(sample.threads_per_rank),
      .has_gpus = request.gpus_per_node.has_value(),
      .forward_rate = request.forward_rate};
  RunWork work = work_of(plan, *run, images, segments);
  if (plan.present.total() == 0) {
    work.write = estimate_run_size(config, list, shape.grid, shape.dim, shape.descriptor_dim, known);
  }
  if (as_if) {
    std::cout << "as if it were a new run of " << list.size() << " images with " << std::llround(segments)
              << " segments; listed are " << run->list.size() << " images\n";
  }
  std::cout << plan_text(plan) << "\n";
  if (!as_if && run->list.hash().hex() != sample.image_list) {
    std::cout << "the calibration was measured with another list of images\n";
  }
  std::cout << cost_text(cost_of_run(work, config, calibration, allocation), work, config, calibration, allocation,
                         request.arguments)
            << std::flush;
  return ExitCode::done;
}

}  // namespace datus
