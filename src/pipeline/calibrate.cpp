#include "datus/pipeline/calibrate.hpp"

#include "datus/core/job_identity.hpp"
#include "datus/core/stopwatch.hpp"
#include "datus/io/atomic_file.hpp"
#include "datus/io/image_reader.hpp"
#include "datus/model/backend.hpp"
#include "datus/model/model_files.hpp"
#include "datus/pipeline/calibration.hpp"
#include "pipeline/calibration_files.hpp"
#include "pipeline/calibration_images.hpp"
#include "pipeline/calibration_kmeans.hpp"
#include "pipeline/calibration_meter.hpp"
#include "pipeline/calibration_scratch.hpp"
#include "pipeline/inputs/plain_images.hpp"
#include "pipeline/peak_memory.hpp"
#include "pipeline/session/open_run.hpp"
#include "pipeline/session/run_context.hpp"
#include "pipeline/stages/cluster/memory_budget.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iostream>
#include <memory>
#include <utility>

#include <unistd.h>

namespace datus {
namespace {

namespace fs = std::filesystem;

/// Parts of the time for each step; loading and drawing the report take what they take.
constexpr double share_of_images = 0.55;
constexpr double share_of_masks = 0.1;

/// Seconds since this process was started; 0 when the kernel does not tell.
double seconds_of_process() {
  timespec now{};
  if (::clock_gettime(CLOCK_BOOTTIME, &now) != 0) return 0;
  const double started =
      static_cast<double>(this_process().started) / static_cast<double>(std::max(1L, ::sysconf(_SC_CLK_TCK)));
  return started > 0
             ? std::max(0.0, static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec) - started)
             : 0;
}

std::string cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) return line.substr(std::min(line.size(), line.find(": ") + 2));
  }
  return "unknown";
}

/// COLLECTIVE. What comes before the first stage.
void measure_start(RunContext& run, CalibrationValues& values) {
  const auto images = static_cast<double>(run.list.size());
  std::unique_ptr<Dataset> dataset;
  values.list_seconds_per_image =
      seconds_of(run.comm, [&] { dataset = open_configured_dataset(run.config.dataset); }) / images;
  const auto count = std::min<std::int64_t>(run.list.size(), 256);
  const auto sample = spread_order(run.list.size(), run.list.size() * run.comm.rank() / run.comm.size(), count);
  const double headers = seconds_of(run.comm, [&] {
    for (const std::int64_t image : sample) {
      if (run.list.images[static_cast<std::size_t>(image)].width == 0) continue;
      (void)read_image_header(run.image_path(image), run.orientation());
    }
  });
  values.header_thread_seconds_per_image = headers / static_cast<double>(count);
  values.weights_hash_seconds = seconds_of(run.comm, [&] {
    if (run.comm.rank() != 0) return;
    (void)hash_model_files(*run.config.model.weights);
    if (run.config.descriptor.weights) (void)hash_model_files(*run.config.descriptor.weights);
  });
}

/// COLLECTIVE.
Models measure_loading(RunContext& run, CalibrationValues& values) {
  Models models;
  const PeakMemory before;
  const std::int64_t resident = resident_bytes();
  values.weights_load_seconds = seconds_of(run.comm, [&] { models = load_models(run); });
  values.model_memory_bytes = static_cast<double>(std::max<std::int64_t>(0, resident_bytes() - resident));
  return models;
}

/// COLLECTIVE. The same values on all ranks.
void agree(CalibrationValues& values, Communicator& comm) {
  for (const auto& [name, member, agreement] : calibration_values()) {
    const auto mine = allgather_values(comm, std::vector<double>{values.*member});
    switch (agreement) {
      case Agreement::largest:
        values.*member = *std::ranges::max_element(mine);
        break;
      case Agreement::smallest:
        values.*member = *std::ranges::min_element(mine);
        break;
      case Agreement::mean:
        values.*member = 0;
        for (const double value : mine) values.*member += value / static_cast<double>(mine.size());
        break;
    }
  }
}

/// COLLECTIVE.
Calibration calibrate(RunContext& run, double seconds, double process_seconds) {
  const Stopwatch watch;
  Calibration calibration;
  CalibrationValues& values = calibration.values;
  values.process_start_seconds = process_seconds;
  values.process_memory_bytes = static_cast<double>(resident_bytes());
  measure_start(run, values);
  const CalibrationScratch scratch(run.directory.root(), run.job.launch(), run.comm);
  MeasuredSample sample;
  {
    const Models models = measure_loading(run, values);
    const auto& backbone = *models.backbone;
    const auto& descriptor = models.descriptor ? *models.descriptor : backbone;
    calibration.shape = {.grid = models.preparation->grid(),
                         .dim = backbone.architecture().dim,
                         .descriptor_dim = descriptor.descriptor_dim(run.config.descriptor.kind)};
    sample = measure_images(run, models, share_of_images * seconds, values);
  }
  constexpr std::int64_t mebibyte = std::int64_t{1} << 20U;
  const auto most_bytes = static_cast<std::int64_t>(std::clamp(seconds, 1.0, 64.0)) * mebibyte;
  measure_files(run, sample, scratch.folder(), most_bytes, values);
  measure_masks(run, sample, scratch.folder(), share_of_masks * seconds, values);
  const std::int64_t images = std::ssize(sample.images);
  sample = {};
  measure_kmeans(calibration.shape.descriptor_dim, run.threads, seconds, run.comm, values);
  run.require_no_stop("all was measured");
  agree(values, run.comm);

  std::int64_t measured = images;
  run.comm.allreduce(std::span(&measured, 1), ReduceOp::sum);
  calibration.subject = calibration_subject(run.config, run.provenance.inputs());
  calibration.machine = {.cpu = cpu_model(),
                         .torch_backend = torch_backend(),
                         .ranks = run.comm.size(),
                         .ranks_per_node = run.comm.local_size(),
                         .threads_per_rank = run.threads};
  calibration.image_list = run.list.hash().hex();
  calibration.listed_images = run.list.size();
  calibration.measured_images = measured;
  calibration.has_truth = values.evaluate_thread_seconds_per_megapixel > 0;
  calibration.seconds = largest_of(run.comm, watch.seconds());
  return calibration;
}

std::string text_of(const Calibration& calibration, const fs::path& file) {
  const auto& machine = calibration.machine;
  std::string text = file.string() + ": measured " + std::to_string(calibration.measured_images) + " of " +
                     std::to_string(calibration.listed_images) + " images in " +
                     std::to_string(std::lround(calibration.seconds)) + " s, on " + std::to_string(machine.ranks) +
                     (machine.ranks == 1 ? " rank" : " ranks") + " with " + std::to_string(machine.threads_per_rank) +
                     (machine.threads_per_rank == 1 ? " thread" : " threads") + " each (" + machine.cpu + ")\n";
  for (const auto& [name, member, agreement] : calibration_values()) {
    char line[128];
    (void)std::snprintf(line, sizeof line, "  %-44s %.6g\n", name, calibration.values.*member);
    text += line;
  }
  return text;
}

}  // namespace

ExitCode calibrate_run(const Config& config, const std::optional<fs::path>& file, double seconds, Communicator& comm) {
  const double process_seconds = seconds_of_process();
  on_root(comm, [&] { require_key(config, "model.weights", "the model is what takes the time"); });
  const fs::path target = file.value_or(default_calibration_file(config));
  const auto run = open_run(config, std::nullopt, comm, RunAccess::look);
  const Calibration calibration = calibrate(*run, seconds, process_seconds);
  on_root(comm, [&] {
    if (target.has_parent_path()) fs::create_directories(target.parent_path());
    write_text_atomically(target, calibration_text(calibration), run->writing());
    std::cout << text_of(calibration, target) << std::flush;
  });
  return ExitCode::done;
}

}  // namespace datus
