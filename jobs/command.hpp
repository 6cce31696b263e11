// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/comm/communicator.hpp"
#include "datus/config/config.hpp"
#include "datus/core/error.hpp"
#include "datus/pipeline/run.hpp"

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace datus::jobs {

/// What a subcommand does once its arguments are read; COLLECTIVE.
using Body = std::function<ExitCode(Communicator&)>;

/// A subcommand: its parser, and what to do when it was the one named.
struct Command {
  CLI::App* parser = nullptr;
  Body body;
};

/// Adds `--set key=value`, once for each setting.
void add_overrides(CLI::App& parser, std::vector<std::string>& overrides);

/// Arguments that most subcommands share.
struct ConfigArguments {
  std::optional<std::filesystem::path> config;
  std::vector<std::string> overrides;
  RunOptions options;

  /// Adds `--config FILE` and `--set key=value`.
  void add_to(CLI::App& parser);
  /// Adds the positional CONFIG, `--run DIR` and `--set key=value`.
  void add_run_to(CLI::App& parser);
  /// Adds `--run DIR` and `--set key=value`.
  void add_changes_to(CLI::App& parser);
  /// Adds `--dry-run` and `--force`.
  void add_options_to(CLI::App& parser);
  /// COLLECTIVE. The same configuration on all ranks, or the same error.
  [[nodiscard]] Config load(Communicator& comm) const;
  /// Overrides a key; `value` is taken literally, whatever is in it.
  void set_path(const std::string& key, const std::string& value);
  /// Overrides a key with a YAML value.
  void set(const std::string& key, const std::string& yaml);
};

/// Refuses a stage without anything to work on: neither CONFIG nor `files`, the arguments for plain files.
void require_config(const ConfigArguments& arguments, const std::string& command, const std::string& files);

/// COLLECTIVE. Refuses a plain-file command on several ranks, when it writes one file from one process.
void require_one_rank(const Communicator& comm, const std::string& command);

/// COLLECTIVE. Refuses, before any work is done, an output file that could not be written in the end.
void require_writable_output(Communicator& comm, const std::filesystem::path& out);

/// All subcommands of a parser, in the order of its help.
[[nodiscard]] std::vector<const CLI::App*> subcommands_of(const CLI::App& parser);

/// Adds the subcommand of a stage that works on runs only, not on plain files too.
Command add_stage(CLI::App& program, Stage stage);

/// A job: adds its subcommand to the program.
Command add_run(CLI::App& program);
Command add_extract(CLI::App& program);
Command add_segment(CLI::App& program);
Command add_describe(CLI::App& program);
Command add_cluster(CLI::App& program);
Command add_mask(CLI::App& program);
Command add_evaluate(CLI::App& program);
Command add_apply(CLI::App& program);
Command add_export(CLI::App& program);
Command add_report(CLI::App& program);
Command add_compare(CLI::App& program);
Command add_leaderboard(CLI::App& program);
Command add_sweep(CLI::App& program);
Command add_inspect(CLI::App& program);
Command add_clean(CLI::App& program);
Command add_plan(CLI::App& program);
Command add_preflight(CLI::App& program);
Command add_config(CLI::App& program);
Command add_datasets(CLI::App& program);
Command add_weights(CLI::App& program);
Command add_manual(CLI::App& program);
Command add_completion(CLI::App& program);
Command add_version(CLI::App& program);

}  // namespace datus::jobs
