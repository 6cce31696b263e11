// SPDX-License-Identifier: Apache-2.0
#include "datus/pipeline/cost_plan.hpp"

#include "datus/core/job_identity.hpp"
#include "datus/core/text.hpp"
#include "datus/io/atomic_file.hpp"
#include "datus/io/input_guard.hpp"
#include "pipeline/plan/cost_text.hpp"
#include "pipeline/plan/run_plan.hpp"
#include "pipeline/plan/sample_run.hpp"
#include "pipeline/session/open_run.hpp"

#include <algorithm>
#include <cmath>
#include <iostream>

namespace datus {

ExitCode calibrate_run(const Config& config, const std::optional<std::filesystem::path>& file, double seconds,
                       Communicator& comm) {
  on_root(comm, [&] { require_key(config, "model.weights", "the model is what takes the time"); });
  const auto target = file.value_or(RunDirectory(config.run.directory).calibration());
  on_root(comm, [&] { InputGuard({*config.model.weights}).check(target); });
  const auto run = open_run(config, std::nullopt, comm, RunAccess::look);
  const Calibration calibration = measure_sample(*run, seconds, seconds_since_start(this_process()));
  on_root(comm, [&] {
    if (target.has_parent_path()) std::filesystem::create_directories(target.parent_path());
    write_text_atomically(target, calibration_text(calibration), run->writing());
    std::cout << target.string() << ": " << measured_text(calibration) << std::endl;
  });
  return ExitCode::done;
}

ExitCode print_cost_plan(const Config& config, const CostRequest& request, Communicator& comm) {
  on_root(comm, [&] { require_key(config, "model.weights", "the run needs a backbone"); });
  const auto path = request.calibration.value_or(RunDirectory(config.run.directory).calibration());
  const auto run = open_run(config, std::nullopt, comm, RunAccess::look);
  Calibration calibration;
  collectively(comm,
               [&] { calibration = read_calibration(path, calibration_subject(config, run->provenance.inputs())); });
  const bool as_if = request.images || request.segments;
  ImageList list = as_if ? run->list.spread(request.images.value_or(run->list.size())) : run->list;
  if (as_if) list.shard_size = config.dataset.shard_size.value_or(default_shard_size(list.size()));
  const auto images = std::ranges::count_if(list.images, &ListedImage::is_readable);
  const double segments = request.segments ? static_cast<double>(*request.segments)
                                           : calibration.segments_per_image * static_cast<double>(images);
  const double segments_per_image = segments / std::max(1.0, static_cast<double>(images));
  const ModelShape shape{
      {calibration.grid_rows, calibration.grid_cols}, calibration.embedding_width, calibration.descriptor_width};
  RunPlan plan = as_if ? plan_of_new_run(*run, list, shape, segments_per_image) : plan_run(*run);
  if (comm.rank() != 0) return ExitCode::done;
  const int nodes = static_cast<int>(std::min<std::int64_t>(request.nodes, list.shards()));
  if (nodes < request.nodes) {
    std::cout << "planned for " << counted(nodes, "node") << ", not " << request.nodes << ": there are no more than "
              << counted(list.shards(), "shard") << " to share (dataset.shard_size: " << list.shard_size << ")\n";
  }
  const Allocation allocation{
      .nodes = nodes,
      .ranks_per_node = request.gpus_per_node.value_or(request.ranks_per_node.value_or(calibration.ranks_per_node)),
      .cpus_per_rank = request.cpus_per_rank.value_or(calibration.threads_per_rank),
      .has_gpus = request.gpus_per_node.has_value(),
      .forward_rate = request.forward_rate};
  if (as_if) {
    std::cout << "as if it were a new run of " << list.size() << " images with " << std::llround(segments)
              << " segments; listed are " << run->list.size() << " images\n";
  }
  std::cout << plan_text(plan) << "\n";
  if (!as_if && run->list.hash().hex() != calibration.image_list) {
    std::cout << "the calibration was measured with another list of images\n";
  }
  if (plan.present.total() == 0) {
    plan.whole = estimate_run_size(config, list, shape.grid, shape.dim, shape.descriptor_dim, segments_per_image);
  }
  plan.whole.masks = std::llround(static_cast<double>(plan.whole.masks) * calibration.mask_bytes_share);
  plan.whole.other = std::llround(static_cast<double>(plan.whole.other) * calibration.report_bytes_share);
  std::cout << cost_text(cost_of_run(plan, segments, config, calibration, allocation), plan, config, calibration,
                         allocation, request.arguments)
            << std::flush;
  return ExitCode::done;
}

}  // namespace datus
