#pragma once

#include "datus/comm/communicator.hpp"
#include "datus/config/config.hpp"
#include "datus/core/error.hpp"
#include "datus/pipeline/run_cost.hpp"
#include "pipeline/plan/run_plan.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace datus {

/// What `datus plan CONFIG --nodes N` is asked for. Numbers are at least 1, the rate is above 0.
struct CostRequest {
  int nodes = 1;
  std::optional<int> gpus_per_node;   ///< one rank for each
  std::optional<int> ranks_per_node;  ///< without either: as calibrated
  std::optional<int> cpus_per_rank;   ///< without: the threads of the calibration
  std::optional<std::filesystem::path> calibration;
  std::optional<std::int64_t> images;    ///< plan for so many images like those that are listed
  std::optional<std::int64_t> segments;  ///< of all images; without: as many per image as measured
  std::optional<double> forward_rate;    ///< see `Allocation`
  std::string arguments;                 ///< CONFIG and settings, fit for a shell: what the sbatch lines end with
};

/// COLLECTIVE. Prints on rank 0 what `datus plan` prints, then time, node-hours, bytes and memory by stages, what was
/// assumed, and sbatch lines that fit. Changes nothing. Throws `AgreedError` when there is no calibration, or when it
/// is one of something else.
ExitCode print_cost_plan(const Config& config, const CostRequest& request, Communicator& comm);

/// `count` images like those of the list: these again and again, or fewer of them, evenly chosen.
[[nodiscard]] ImageList list_as_if(const ImageList& list, std::int64_t count);

/// What is left to do, in numbers: of `plan`, whose images are `list`.
[[nodiscard]] RunWork work_of_plan(const RunPlan& plan, const ImageList& list, const RunContext& run,
                                   const Calibration& calibration, double segments);

/// The table by stages, the assumptions and the sbatch lines.
[[nodiscard]] std::string cost_text(const RunCost& cost, const RunWork& work, const Config& config,
                                    const Calibration& calibration, const Allocation& allocation,
                                    const CostRequest& request);

/// Seconds for sbatch's --time: half as much again and five minutes, in whole steps of 5 minutes, from two hours on of
/// a quarter of an hour. "HH:MM:SS", or "D-HH:MM:SS" from a day on.
[[nodiscard]] std::string time_limit(double seconds);

/// Bytes for sbatch's --mem, of a node: a quarter more than all of its ranks take, in whole GiB. "12G".
[[nodiscard]] std::string memory_limit(std::int64_t bytes_per_rank, int ranks_per_node);

/// "12.3 s", "4 min 10 s", "3 h 20 min", "2 d 4 h".
[[nodiscard]] std::string duration_text(double seconds);

}  // namespace datus
