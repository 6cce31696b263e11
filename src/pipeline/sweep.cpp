// SPDX-License-Identifier: Apache-2.0
#include "datus/pipeline/sweep.hpp"

#include "datus/core/log.hpp"
#include "datus/core/text.hpp"
#include "datus/io/atomic_file.hpp"
#include "datus/pipeline/leaderboard.hpp"
#include "datus/pipeline/run_directory.hpp"
#include "pipeline/files/stage_files.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <iostream>
#include <map>
#include <string>
#include <system_error>
#include <utility>

namespace datus {
namespace {

namespace fs = std::filesystem;

/// All that decides the files of a stage, as text.
std::string made_from(const Config& config, Stage stage) {
  std::string text;
  for (const auto& path :
       {config.dataset.images, config.dataset.list, config.model.weights, config.descriptor.weights}) {
    text += (path ? path->string() : "null") + "\n";
  }
  text += config.dataset.kind.name + "\n" + config.dataset.split.value_or("") + "\n" +
          std::to_string(config.dataset.shard_size.value_or(0)) + "\n";
  for (const Stage before : all_stages) {
    text += settings_text(config, before);
    if (before == stage) break;
  }
  return text;
}

/// The first cell that has the same files of a stage; itself, where there is none before it.
std::size_t owner_of(const Sweep& sweep, std::size_t cell, Stage stage) {
  const std::string own = made_from(sweep.cells[cell].config, stage);
  for (std::size_t other = 0; other < cell; ++other) {
    if (made_from(sweep.cells[other].config, stage) == own) return other;
  }
  return cell;
}

/// Makes the folder of a stage a link to that of the run that owns its files, unless it is there.
void share_folder(const Sweep& sweep, std::size_t cell, Stage stage) {
  const std::size_t owner = owner_of(sweep, cell, stage);
  if (owner == cell) return;
  const RunDirectory run(sweep.cells[cell].config.run.directory);
  const RunDirectory other(sweep.cells[owner].config.run.directory);
  std::error_code unknown;
  if (fs::exists(fs::symlink_status(run.folder(stage), unknown)) || !fs::exists(other.folder(stage), unknown)) return;
  try {
    make_folders(run.root());
    fs::create_directory_symlink(fs::path("..") / sweep.cells[owner].name / other.folder(stage).filename(),
                                 run.folder(stage));
  } catch (const fs::filesystem_error& error) {
    throw SystemError("Cannot share " + other.folder(stage).string() + " with " + run.root().string(),
                      error.code().message(), "Use a file system with symbolic links.");
  }
}

void share_folders(const Sweep& sweep, std::size_t cell) {
  for (const StageFiles& stage : stage_files) {
    if (stage.is_by_shard) share_folder(sweep, cell, stage.stage);
  }
}

bool has_scores(const SweepCell& cell) {
  const RunDirectory run(cell.config.run.directory);
  return std::ranges::all_of(cell.config.cluster.k, [&](int k) { return fs::exists(run.scores(k)); });
}

/// The table of a sweep whose runs all have scores; empty before.
std::string write_leaderboard(const Sweep& sweep) {
  if (!std::ranges::all_of(sweep.cells, has_scores)) return {};
  std::vector<fs::path> runs;
  for (const SweepCell& cell : sweep.cells) runs.push_back(cell.config.run.directory);
  const auto rows = read_leaderboard(runs);
  constexpr std::array<std::pair<const char*, TableFormat>, 4> files = {{{"leaderboard.csv", TableFormat::csv},
                                                                         {"leaderboard.md", TableFormat::markdown},
                                                                         {"leaderboard.html", TableFormat::html},
                                                                         {"leaderboard.tex", TableFormat::latex}}};
  for (const auto& [name, format] : files) write_text_atomically(sweep.folder / name, leaderboard_text(rows, format));
  return leaderboard_text(rows, TableFormat::text) + (sweep.folder / "leaderboard.html").string() + "\n";
}

}  // namespace

std::vector<std::vector<std::size_t>> sweep_parts(const Sweep& sweep) {
  std::vector<std::vector<std::size_t>> parts;
  std::map<std::size_t, std::size_t> part_of_owner;
  for (std::size_t cell = 0; cell < sweep.cells.size(); ++cell) {
    const auto [found, is_new] = part_of_owner.try_emplace(owner_of(sweep, cell, Stage::extract), parts.size());
    if (is_new) parts.emplace_back();
    parts[found->second].push_back(cell);
  }
  return parts;
}

std::string sweep_text(const Sweep& sweep) {
  const auto parts = sweep_parts(sweep);
  std::string text = counted(std::ssize(sweep.cells), "run") + " in " + counted(std::ssize(parts), "part") + " in " +
                     sweep.folder.string() + "\n";
  for (std::size_t part = 0; part < parts.size(); ++part) {
    for (const std::size_t cell : parts[part]) {
      text += pad_left(std::to_string(part), 4) + "  " + sweep.cells[cell].name;
      std::map<std::size_t, std::string> shared;  // by owner
      for (const StageFiles& stage : stage_files) {
        const std::size_t owner = stage.is_by_shard ? owner_of(sweep, cell, stage.stage) : cell;
        if (owner != cell) shared[owner] += (shared[owner].empty() ? "" : ", ") + std::string(stage.folder);
      }
      for (const auto& [owner, folders] : shared) text += "  (" + folders + " of " + sweep.cells[owner].name + ")";
      text += "\n";
    }
  }
  return text;
}

ExitCode run_sweep(const Sweep& sweep, const SweepOptions& options, Communicator& comm) {
  const auto parts = sweep_parts(sweep);
  on_root(comm, [&] {
    if (!options.part || (*options.part >= 0 && *options.part < std::ssize(parts))) return;
    throw UsageError("--part " + std::to_string(*options.part) + " is none of this sweep",
                     "its parts are 0 to " + std::to_string(parts.size() - 1), "See 'datus sweep FILE --list'.");
  });
  std::vector<std::size_t> cells;
  for (std::size_t part = 0; part < parts.size(); ++part) {
    if (options.part && std::cmp_not_equal(*options.part, part)) continue;
    cells.insert(cells.end(), parts[part].begin(), parts[part].end());
  }
  ExitCode result = ExitCode::done;
  const auto note = [&](ExitCode code) {
    if (code != ExitCode::done && (result == ExitCode::done || result == ExitCode::unreadable_images)) result = code;
  };
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const SweepCell& cell = sweep.cells[cells[i]];
    if (comm.rank() == 0) {
      log::info("run " + std::to_string(i + 1) + " of " + std::to_string(cells.size()) + ": " + cell.name);
    }
    if (!options.run.dry_run) on_root(comm, [&] { share_folders(sweep, cells[i]); });
    try {
      note(run_all(cell.config, options.run, comm));
    } catch (const AgreedError& error) {
      if (error.exit_code() == ExitCode::interrupted) throw;
      if (comm.rank() == 0) log::warning("run " + cell.name + " failed: " + error.what());
      note(error.exit_code());
    }
  }
  if (!options.run.dry_run) {
    std::string table;
    on_root(comm, [&] { table = write_leaderboard(sweep); });
    if (comm.rank() == 0) std::cout << table << std::flush;
  }
  return result;
}

}  // namespace datus
