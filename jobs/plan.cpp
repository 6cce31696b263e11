// SPDX-License-Identifier: Apache-2.0
#include "command.hpp"
#include "datus/pipeline/cost_plan.hpp"
#include "datus/pipeline/run.hpp"

#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <string>

namespace datus::jobs {
namespace {

constexpr std::int64_t most_images = 10'000'000;
constexpr std::int64_t most_segments = 10'000'000'000;
constexpr int most_machines = 1'000'000;

struct PlanArguments {
  ConfigArguments config;
  bool calibrate = false;
  double seconds = 60;
  std::optional<int> nodes;
  CostRequest request;
};

/// A text in quotes for a shell, where it needs them.
std::string shell_word(const std::string& text) {
  const bool is_plain = !text.empty() && text.find_first_not_of(
                                             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                             "0123456789_-./=:,+@%") == std::string::npos;
  if (is_plain) return text;
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

/// An option that overrides a setting: `--set`, or `--run` for what that was, where `ConfigArguments::set_path` had
/// nothing to change.
std::string option_of(const std::string& setting) {
  const std::string of_run = "run.directory=\"";
  if (!setting.starts_with(of_run) || !setting.ends_with("\"") || setting.size() == of_run.size()) {
    return " --set " + shell_word(setting);
  }
  const std::string directory = setting.substr(of_run.size(), setting.size() - of_run.size() - 1);
  const bool is_changed = directory.find_first_of("\\\"$~") != std::string::npos;
  return is_changed ? " --set " + shell_word(setting) : " --run " + shell_word(directory);
}

/// What `datus run` is to be started with.
std::string command_arguments(const ConfigArguments& arguments) {
  std::string text = arguments.config ? shell_word(arguments.config->string()) : std::string();
  for (const std::string& setting : arguments.overrides) text += option_of(setting);
  return text;
}

/// Also of what a comparison with limits lets through: NaN.
void require_positive(double value, const std::string& option) {
  if (value > 0) return;
  throw AgreedError(ExitCode::usage, option + " is not a number above 0", "it is " + std::to_string(value),
                    "Give a positive number.");
}

void add_options(CLI::App& parser, PlanArguments& arguments) {
  arguments.config.add_run_to(parser);
  parser.get_option("CONFIG")->required();
  auto* const calibrate =
      parser.add_flag("--calibrate", arguments.calibrate,
                      "Measure on these machines what the parts of the run take, for plans with --nodes");
  parser.add_option("--seconds", arguments.seconds, "Time to measure for, about")
      ->check(CLI::Range(0.001, 86400.0))
      ->needs(calibrate)
      ->capture_default_str();
  auto* const nodes =
      parser.add_option("--nodes", arguments.nodes, "Also plan time, memory and sbatch lines for so many nodes")
          ->check(CLI::Range(1, most_machines))
          ->excludes(calibrate);
  CostRequest& request = arguments.request;
  parser
      .add_option("--calibration", request.calibration,
                  "What --calibrate writes and --nodes reads; "
                  "by default the run directory's path and .calibration.json")
      ->type_name("FILE");
  const auto add = [&](const char* name, auto& value, const char* help) {
    return parser.add_option(name, value, help)->needs(nodes);
  };
  auto* const gpus = add("--gpus-per-node", request.gpus_per_node, "GPUs of a node, one rank for each")
                         ->check(CLI::Range(1, most_machines));
  add("--ranks-per-node", request.ranks_per_node, "Ranks of a node without GPUs; by default as calibrated")
      ->check(CLI::Range(1, most_machines))
      ->excludes(gpus);
  add("--cpus-per-rank", request.cpus_per_rank, "Cores, and threads, of a rank; by default as calibrated")
      ->check(CLI::Range(1, most_machines));
  add("--images", request.images, "Plan for so many images like those that are listed")
      ->check(CLI::Range(std::int64_t{1}, most_images));
  add("--segments", request.segments, "Segments of all images; by default as many for each as measured")
      ->check(CLI::Range(std::int64_t{1}, most_segments));
  add("--forward-rate", request.forward_rate, "Images per second and rank through the model, as if")
      ->check(CLI::Range(1e-9, 1e9));
}

ExitCode plan(const PlanArguments& arguments, Communicator& comm) {
  require_positive(arguments.seconds, "--seconds");
  if (arguments.request.forward_rate) require_positive(*arguments.request.forward_rate, "--forward-rate");
  const Config config = arguments.config.load(comm);
  if (arguments.calibrate) return calibrate_run(config, arguments.request.calibration, arguments.seconds, comm);
  if (!arguments.nodes) {
    if (arguments.request.calibration) {
      throw AgreedError(ExitCode::usage, "'--calibration' alone does nothing",
                        "a plan without --nodes needs no calibration", "Add --nodes N, or --calibrate.");
    }
    return print_plan(config, comm);
  }
  CostRequest request = arguments.request;
  request.nodes = *arguments.nodes;
  request.arguments = command_arguments(arguments.config);
  return print_cost_plan(config, request, comm);
}

}  // namespace

Command add_plan(CLI::App& program) {
  CLI::App* parser = program.add_subcommand(
      "plan", "What 'datus run' would do, the bytes, and with --nodes time and memory; changes nothing");
  auto arguments = std::make_shared<PlanArguments>();
  add_options(*parser, *arguments);
  return {parser, [arguments](Communicator& comm) { return plan(*arguments, comm); }};
}

}  // namespace datus::jobs
