#include "datus/pipeline/run.hpp"

#include "datus/core/log.hpp"
#include "datus/io/atomic_file.hpp"
#include "datus/pipeline/cluster.hpp"
#include "datus/pipeline/cluster_selection.hpp"
#include "datus/pipeline/evaluate.hpp"
#include "datus/pipeline/mask.hpp"
#include "datus/pipeline/report.hpp"
#include "datus/pipeline/run_context.hpp"
#include "datus/pipeline/shard_stages.hpp"

#include <chrono>
#include <cstdio>
#include <iostream>
#include <memory>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace datus {
namespace {

/// Lines of the summary that rank 0 prints at the end, and what goes into RUN/summary.json.
class Summary {
 public:
  void add(const std::string& stage, const std::string& text) {
    lines_ += "  " + stage + std::string(stage.size() < 10 ? 10 - stage.size() : 1, ' ') + text + "\n";
    json_["stages"][stage] = text;
  }
  /// A table to print below the lines.
  void set_table(std::string text) { table_ = std::move(text); }
  nlohmann::ordered_json& json() { return json_; }
  [[nodiscard]] std::string text() const { return table_.empty() ? lines_ : lines_ + "\n" + table_; }

 private:
  std::string lines_;
  std::string table_;
  nlohmann::ordered_json json_;
};

std::string seconds_text(double seconds) {
  char text[32];
  (void)std::snprintf(text, sizeof text, "%.1f s", seconds);
  return text;
}

class Stopwatch {
 public:
  [[nodiscard]] std::string text() const {
    return seconds_text(std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count());
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

std::string describe_shards(const ShardSummary& done, const RunContext& run) {
  if (done.shards == 0) return "up to date";
  return std::to_string(done.shards) + " of " + std::to_string(run.list.shards()) + " shards, " +
         seconds_text(done.seconds);
}

void add_clusters(Summary& summary, const std::vector<ClusterSummary>& clusters, const Stopwatch& watch) {
  for (const auto& one : clusters) {
    const std::string name = "cluster " + std::to_string(one.k);
    if (one.up_to_date) {
      summary.add(name, "up to date");
      continue;
    }
    char text[160];
    (void)std::snprintf(text, sizeof text, "%lld segments, %d iterations%s, inertia %.6g, %s",
                        static_cast<long long>(one.rows), one.iterations, one.converged ? "" : " (limit reached)",
                        one.inertia, watch.text().c_str());
    summary.add(name, text);
  }
  summary.set_table(selection_table(clusters));
}

/// Prints and writes what came out. Rank 0 only.
void finish(const RunContext& run, Summary& summary, const std::vector<Evaluation>& scores, std::int64_t unreadable) {
  auto& json = summary.json();
  json["images"] = run.list.size();
  json["shards"] = run.list.shards();
  json["unreadable"] = unreadable;
  json["ranks"] = run.comm.size();
  write_text_atomically(run.directory.summary(), json.dump(1) + "\n");
  std::cout << run.list.size() << " images in " << run.list.shards() << " shards, " << run.comm.size() << " ranks with "
            << run.threads << " threads each\n"
            << summary.text();
  if (unreadable > 0) {
    std::cout << "\n" << unreadable << " images could not be read: " << run.directory.unreadable().string() << "\n";
  }
  if (!scores.empty()) std::cout << "\n" << score_table(scores) << "   (percent)\n";
  std::cout << "\n";
  for (const int k : run.config.cluster.k) std::cout << "masks   " << run.directory.masks(k).string() << "/\n";
  for (const auto& one : scores) std::cout << "scores  " << run.directory.scores(one.k).string() << "\n";
  std::cout << "report  " << run.directory.report().string() << std::endl;
}

ExitCode exit_code_for(const RunContext& run, std::int64_t unreadable) {
  const bool report = run.config.dataset.on_unreadable == DatasetConfig::OnUnreadable::report;
  return unreadable > 0 && report ? ExitCode::unreadable_images : ExitCode::done;
}

ExitCode run_everything(RunContext& run) {
  Summary summary;
  const auto shards = run_shard_stages(run, {.extract = true, .segment = true, .describe = true});
  summary.add("images", describe_shards(shards, run) + " (extract, segment, describe)");
  const Stopwatch cluster_watch;
  add_clusters(summary, cluster_run(run), cluster_watch);
  const Stopwatch mask_watch;
  std::int64_t masks = 0;
  for (const int k : run.config.cluster.k) masks += make_masks(run, k);
  summary.add("mask", masks == 0 ? "up to date" : mask_watch.text());
  const Stopwatch evaluate_watch;
  std::vector<Evaluation> scores;
  for (const int k : run.config.cluster.k) {
    if (auto evaluation = evaluate_run(run, k)) scores.push_back(std::move(*evaluation));
  }
  summary.add("evaluate", scores.empty() ? "no ground truth" : evaluate_watch.text());
  const Stopwatch report_watch;
  write_report(run);
  summary.add("report", report_watch.text());
  on_root(run.comm, [&] { finish(run, summary, scores, shards.unreadable); });
  return exit_code_for(run, shards.unreadable);
}

}  // namespace

ExitCode run_all(const Config& config, Communicator& comm) {
  on_root(comm, [&] { require_key(config, "model.weights", "the run needs a backbone"); });
  const auto run = open_run(config, std::nullopt, comm);
  return run_everything(*run);
}

ExitCode apply_run(const Config& config, const std::filesystem::path& fitted, Communicator& comm) {
  FittedRun from{RunDirectory(fitted), {}};
  on_root(comm, [&] {
    const auto list = read_image_list(from.directory.image_list());
    from.description = std::to_string(list.size()) + " images, list " + list.hash().hex().substr(0, 12);
  });
  from.description = broadcast_text(comm, from.description);
  const auto run = open_run(config, std::move(from), comm);
  return run_everything(*run);
}

ExitCode run_stage(const Config& config, Stage stage, Communicator& comm) {
  on_root(comm, [&] { require_key(config, "model.weights", "it is part of what a run is made from"); });
  const auto run = open_run(config, std::nullopt, comm);
  Summary summary;
  std::int64_t unreadable = 0;
  const auto shard_stage = [&](ShardStages stages) {
    const auto done = run_shard_stages(*run, stages);
    unreadable = done.unreadable;
    summary.add(stage_name(stage), describe_shards(done, *run));
  };
  const Stopwatch watch;
  std::vector<Evaluation> scores;
  switch (stage) {
    case Stage::extract:
      if (config.storage.embeddings == StorageConfig::Embeddings::none) {
        throw AgreedError(ExitCode::usage, "'datus extract' has nothing to store", "storage.embeddings is none",
                          "Set it to float16 or float32, or use 'datus run'.");
      }
      shard_stage({.extract = true});
      break;
    case Stage::segment:
      shard_stage({.segment = true});
      break;
    case Stage::describe:
      shard_stage({.describe = true});
      break;
    case Stage::cluster:
      add_clusters(summary, cluster_run(*run), watch);
      break;
    case Stage::mask:
      for (const int k : config.cluster.k) (void)make_masks(*run, k);
      summary.add("mask", watch.text());
      break;
    case Stage::evaluate:
      for (const int k : config.cluster.k) {
        if (auto evaluation = evaluate_run(*run, k)) scores.push_back(std::move(*evaluation));
      }
      summary.add("evaluate", scores.empty() ? "no ground truth" : watch.text());
      break;
  }
  on_root(comm, [&] {
    std::cout << summary.text();
    if (!scores.empty()) std::cout << "\n" << score_table(scores);
    if (unreadable > 0) {
      std::cout << unreadable << " images could not be read: " << run->directory.unreadable().string() << "\n";
    }
    std::cout << std::flush;
  });
  return exit_code_for(*run, unreadable);
}

}  // namespace datus
