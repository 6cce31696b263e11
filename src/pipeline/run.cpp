// SPDX-License-Identifier: Apache-2.0
#include "datus/pipeline/run.hpp"

#include "datus/core/log.hpp"
#include "datus/core/stopwatch.hpp"
#include "datus/core/text.hpp"
#include "datus/io/hdf5_reader.hpp"
#include "datus/pipeline/cluster.hpp"
#include "datus/pipeline/cluster_selection.hpp"
#include "pipeline/plan/run_plan.hpp"
#include "pipeline/report/report.hpp"
#include "pipeline/session/carried_classes.hpp"
#include "pipeline/session/open_run.hpp"
#include "pipeline/session/recorded_job.hpp"
#include "pipeline/session/run_context.hpp"
#include "pipeline/session/run_summary.hpp"
#include "pipeline/session/segment_words.hpp"
#include "pipeline/shards/segment_totals.hpp"
#include "pipeline/shards/shard_inputs.hpp"
#include "pipeline/shards/shard_stages.hpp"
#include "pipeline/shards/unreadable.hpp"
#include "pipeline/shards/virtual_files.hpp"
#include "pipeline/stages/cluster/cluster.hpp"
#include "pipeline/stages/evaluate.hpp"
#include "pipeline/stages/mask.hpp"

#include <algorithm>
#include <array>
#include <iostream>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace datus {
namespace {

/// What a job has done so far, and what it prints at its end.
struct JobResults {
  RunSummary summary;
  std::vector<ClusterSummary> clusters;
  std::vector<Evaluation> scores;
  std::optional<AgreedError> evaluation_failure;  ///< bad input; all else has ended the job
  Stopwatch watch;
};

/// COLLECTIVE. Begins a stage: says so in the log, and leaves when a stop was asked for.
void enter(RunContext& run, const std::string& stage) {
  run.require_no_stop("the stage " + stage);
  run.events.write("stage_start", {{"stage", stage}});
  log::detail("the stage " + stage + " begins");
}

void leave(RunContext& run, JobResults& results, StageWork work) {
  log::detail("the stage " + work.stage + " ends: " + counted(work.shards, "shard") + " made anew in " +
              duration_text(work.wall_seconds));
  run.events.write("stage_end", {{"stage", work.stage}, {"seconds", work.wall_seconds}, {"shards", work.shards}});
  results.summary.stages.push_back(std::move(work));
}

/// COLLECTIVE. Before the clusters: of no segments at all there are none.
void warn_of_gaps(const RunContext& run) {
  const auto tally = tally_of_run(run);
  if (run.comm.rank() != 0 || !tally) return;
  if (const auto warning = tally_warning(*tally, run.config); !warning.empty()) log::warning(warning);
}

/// COLLECTIVE.
void do_shard_stages(RunContext& run, StageSet stages, JobResults& results) {
  for (const Stage stage : all_stages) {
    if (stages.has(stage)) enter(run, stage_name(stage));
  }
  auto done = run_shard_stages(run, stages);
  results.summary.unreadable = done.unreadable;
  for (StageWork& work : done.works) leave(run, results, std::move(work));
  write_virtual_files(run);
  if (stages.has(Stage::segment)) warn_of_gaps(run);
}

std::string cluster_note(const std::vector<ClusterSummary>& clusters) {
  if (std::ranges::all_of(clusters, &ClusterSummary::up_to_date)) return {};
  std::string note;
  for (const auto& one : clusters) {
    note += (note.empty() ? "K = " : ", K = ") + std::to_string(one.k) + ": ";
    note += one.up_to_date ? "up to date"
                           : std::to_string(one.iterations) + " iterations" + (one.converged ? "" : " (limit reached)");
  }
  return note;
}

/// COLLECTIVE.
void do_cluster(RunContext& run, JobResults& results) {
  enter(run, stage_name(Stage::cluster));
  const Stopwatch watch;
  results.clusters = cluster_run(run);
  results.summary.suggested_k = suggested_by_tree(results.clusters);
  StageWork work;
  work.stage = stage_name(Stage::cluster);
  work.note = cluster_note(results.clusters);
  for (const auto& one : results.clusters) {
    if (one.up_to_date) continue;
    work.shards = run.list.shards();
    work.segments = one.rows;
  }
  if (work.shards > 0) work.wall_seconds = watch.seconds();
  leave(run, results, std::move(work));
}

/// COLLECTIVE.
void do_mask(RunContext& run, JobResults& results) {
  enter(run, stage_name(Stage::mask));
  leave(run, results, make_masks(run));
}

/// Ground truth that makes scores say little.
void say_what_was_scored(const RunContext& run, const JobResults& results) {
  if (results.scores.empty() || run.comm.rank() != 0) return;
  const Evaluation& any = results.scores.front();
  const std::string warning = truth_warning(any.truth, any.class_names, any.void_value);
  if (!warning.empty()) log::warning(warning);
}

/// COLLECTIVE. Ground truth that cannot be used does not cost the report: whoever calls this throws afterwards.
void do_evaluate(RunContext& run, JobResults& results) {
  enter(run, stage_name(Stage::evaluate));
  const Stopwatch watch;
  StageWork work;
  work.stage = stage_name(Stage::evaluate);
  try {
    require_evaluable(run);
    results.scores = evaluate_run(run, run.config.cluster.k);
    if (!results.scores.empty()) work.shards = run.list.shards();
    work.images = std::ssize(results.scores) * run.dataset->truth_count();
    if (!run.dataset->has_truth()) work.note = "no ground truth";
    say_what_was_scored(run, results);
  } catch (const AgreedError& error) {
    if (error.exit_code() != ExitCode::bad_input) throw;
    results.evaluation_failure = error;
    work.note = "failed";
  }
  work.wall_seconds = watch.seconds();
  leave(run, results, std::move(work));
}

/// COLLECTIVE.
void do_report(RunContext& run, JobResults& results, const ReportRequest& request = {}) {
  enter(run, "report");
  const Stopwatch watch;
  write_report(run, request, results.evaluation_failure ? results.evaluation_failure->what() : "");
  StageWork work;
  work.stage = "report";
  work.shards = run.list.shards();
  work.wall_seconds = watch.seconds();
  leave(run, results, std::move(work));
}

/// Segments of the whole run, from the first of its assignments; 0 where there is none of these settings. Rank 0 only.
std::int64_t segments_of(const RunContext& run) {
  const int k = run.config.cluster.k.front();
  const auto assignment = run.directory.assignment(k);
  if (!std::filesystem::exists(assignment)) return 0;
  const Hdf5Reader reader(assignment);
  return has_provenance(reader, run.provenance.of(Stage::cluster, k)) ? reader.shape("assignment", 1)[0] : 0;
}

void fill_in(const RunContext& run, const std::string& command, JobResults& results) {
  auto& summary = results.summary;
  summary.command = command;
  summary.exit_code = results.evaluation_failure ? results.evaluation_failure->exit_code()
                                                 : exit_code_for(run.config.dataset, summary.unreadable);
  summary.images = run.list.size();
  summary.shards = run.list.shards();
  summary.segments = segments_of(run);
  summary.ranks = run.comm.size();
  summary.threads = run.threads;
  summary.seconds = results.watch.seconds();
}

/// What the summary of the jobs before this one says of stages that were not this one's.
nlohmann::ordered_json summary_so_far(const RunDirectory& directory) {
  const auto text = text_of_file(directory.summary());
  return text ? nlohmann::ordered_json::parse(*text, nullptr, false) : nlohmann::ordered_json();
}

/// Writes what came out to RUN/summary.json. Rank 0 only.
void record(const RunContext& run, const std::string& command, JobResults& results) {
  fill_in(run, command, results);
  const auto json = summary_json(results.summary, summary_so_far(run.directory));
  write_text_atomically(run.directory.summary(), json.dump(1) + "\n", run.writing());
  write_text_atomically(summary_script_path(run.directory), summary_script(json), run.writing());
}

/// Prints it. Rank 0 only.
void print(const RunContext& run, const JobResults& results) {
  std::cout << summary_text(results.summary);
  if (!results.clusters.empty()) std::cout << "\n" << selection_table(results.clusters);
  if (results.summary.unreadable > 0) {
    std::cout << "\n"
              << results.summary.unreadable << " images could not be read: " << run.directory.unreadable().string()
              << "\n";
  }
  if (!results.scores.empty()) {
    const Evaluation& any = results.scores.front();
    std::cout << "\n" << score_table(results.scores) << "   (percent)\n";
    std::cout << "ground truth: " << truth_text(any.truth, any.class_names) << "\n";
  }
  std::cout << std::flush;
}

/// Where to look for the results. Rank 0 only.
void print_places(const RunContext& run, const JobResults& results) {
  std::cout << "\n";
  for (const int k : run.config.cluster.k) {
    for (const auto format : run.config.mask.formats) {
      std::cout << "masks   "
                << (format == MaskConfig::Format::png ? run.directory.masks(k).string() + "/"
                                                      : run.directory.mask_index(k).string())
                << "\n";
    }
  }
  for (const auto& one : results.scores) std::cout << "scores  " << run.directory.scores(one.k).string() << "\n";
  std::cout << "report  " << run.directory.report().string() << std::endl;
}

/// A stage that does not work by shards. COLLECTIVE.
struct WholeStage {
  Stage stage;
  void (*run)(RunContext& run, JobResults& results);
};
constexpr std::array whole_stages = {WholeStage{Stage::cluster, do_cluster}, WholeStage{Stage::mask, do_mask},
                                     WholeStage{Stage::evaluate, do_evaluate}};
static_assert(std::ranges::all_of(all_stages,
                                  [](Stage stage) {
                                    return shard_stages.has(stage) ||
                                           std::ranges::count(whole_stages, stage, &WholeStage::stage) == 1;
                                  }),
              "each stage works by shards, or has a function here");

/// COLLECTIVE.
void do_stages(RunContext& run, StageSet stages, JobResults& results) {
  StageSet by_shard;
  for (const Stage stage : all_stages) by_shard.set(stage, stages.has(stage) && shard_stages.has(stage));
  if (by_shard.any()) do_shard_stages(run, by_shard, results);
  for (const WholeStage& whole : whole_stages) {
    if (stages.has(whole.stage)) whole.run(run, results);
  }
}

ExitCode do_everything(RunContext& run, const std::string& command) {
  return recorded_job(run, command, [&] {
    JobResults results;
    require_evaluable(run);
    results.summary.carried_classes = carry_classes(run);
    StageSet all;
    for (const Stage stage : all_stages) all.set(stage);
    do_stages(run, all, results);
    do_report(run, results);
    results.summary.tally = tally_of_run(run);
    on_root(run.comm, [&] {
      record(run, command, results);
      print(run, results);
      print_places(run, results);
    });
    if (results.evaluation_failure) throw *results.evaluation_failure;
    return exit_code_for(run.config.dataset, results.summary.unreadable);
  });
}

void require_something_to_store(const Config& config, Stage stage) {
  if (keeps_files(config.storage, stage)) return;
  throw AgreedError(ExitCode::usage, "'datus " + std::string(stage_name(stage)) + "' has nothing to store",
                    "storage.embeddings is none", "Set it to float16 or float32, or use 'datus run'.");
}

/// COLLECTIVE.
std::unique_ptr<RunContext> open_for(const Config& config, std::optional<FittedRun> fitted, RunOptions options,
                                     Communicator& comm, RunAccess access = RunAccess::write) {
  return open_run(config, std::move(fitted), comm, options.dry_run ? RunAccess::look : access, options.force);
}

ExitCode print_plan_of(RunContext& run) {
  const RunPlan plan = plan_run(run);
  if (run.comm.rank() == 0) std::cout << plan_text(plan) << std::flush;
  return ExitCode::done;
}

}  // namespace

ExitCode exit_code_for(const DatasetConfig& dataset, std::int64_t unreadable) {
  if (unreadable == 0) return ExitCode::done;
  switch (dataset.on_unreadable) {
    case DatasetConfig::OnUnreadable::report:
      return ExitCode::unreadable_images;
    case DatasetConfig::OnUnreadable::skip:
      return ExitCode::done;
  }
  return ExitCode::unreadable_images;
}

ExitCode run_all(const Config& config, RunOptions options, Communicator& comm) {
  on_root(comm, [&] { require_key(config, "model.weights", "the run needs a backbone"); });
  const auto run = open_for(config, std::nullopt, options, comm);
  return options.dry_run ? print_plan_of(*run) : do_everything(*run, "run");
}

ExitCode print_plan(const Config& config, Communicator& comm) {
  return run_all(config, {.dry_run = true}, comm);
}

ExitCode apply_run(const Config& config, const std::filesystem::path& fitted, RunOptions options, Communicator& comm) {
  FittedRun from{RunDirectory(fitted), {}};
  on_root(comm, [&] {
    const auto list = read_image_list(from.directory.image_list());
    from.description = std::to_string(list.size()) + " images, list " + list.hash().hex().substr(0, 12);
  });
  from.description = broadcast_text(comm, from.description);
  const auto run = open_for(config, std::move(from), options, comm);
  return options.dry_run ? print_plan_of(*run) : do_everything(*run, "apply");
}

ExitCode run_stage(const Config& config, Stage stage, RunOptions options, Communicator& comm) {
  on_root(comm, [&] { require_key(config, "model.weights", "it is part of what a run is made from"); });
  require_something_to_store(config, stage);
  const auto access = runs_model(config, stage) ? RunAccess::write : RunAccess::write_without_model;
  const auto run = open_for(config, std::nullopt, options, comm, access);
  if (options.dry_run) return print_plan_of(*run);
  return recorded_job(*run, stage_name(stage), [&] {
    JobResults results;
    do_stages(*run, {stage}, results);
    if (results.evaluation_failure) throw *results.evaluation_failure;
    results.summary.unreadable = report_unreadable(*run);
    results.summary.tally = tally_of_run(*run);
    on_root(comm, [&] {
      record(*run, stage_name(stage), results);
      print(*run, results);
    });
    return exit_code_for(run->config.dataset, results.summary.unreadable);
  });
}

ExitCode run_report(const Config& config, const ReportRequest& request, Communicator& comm) {
  const auto run = open_run(config, std::nullopt, comm, RunAccess::report);
  return recorded_job(*run, "report", [&] {
    JobResults results;
    do_report(*run, results, request);
    results.summary.unreadable = report_unreadable(*run);
    results.summary.tally = tally_of_run(*run);
    on_root(comm, [&] {
      record(*run, "report", results);
      std::cout << run->directory.report().string() << std::endl;
    });
    return exit_code_for(run->config.dataset, results.summary.unreadable);
  });
}

}  // namespace datus
