#include "command.hpp"
#include "datus/comm/run_distributed.hpp"
#include "datus/core/version.hpp"

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

namespace {

/// Reads the command line and runs the subcommand that it names.
int run_program(int argc, char** argv) {
  CLI::App program(
      "datus: dense semantic masks from unlabelled images and a frozen self-supervised Vision Transformer");
  program.require_subcommand(1);
  program.set_version_flag("--version", std::string("datus ") + datus::version(),
                           "Print the version; 'datus version' says more");
  program.footer(
      "Start a run on several ranks with mpirun or srun in front. Exit codes: 0 done; 2 usage or configuration;\n"
      "3 bad input; 4 finished, but some images were unreadable; 75 interrupted after a checkpoint; 1 anything else.");
  using namespace datus::jobs;
  std::vector<Command> commands = {
      add_run(program),   add_extract(program),  add_segment(program),   add_describe(program), add_cluster(program),
      add_mask(program),  add_evaluate(program), add_apply(program),     add_report(program),   add_inspect(program),
      add_clean(program), add_plan(program),     add_preflight(program), add_config(program),   add_version(program),
  };
  for (const datus::Stage stage : datus::all_stages) {
    const auto has_its_name = [&](const Command& command) {
      return command.parser->get_name() == datus::stage_name(stage);
    };
    if (std::ranges::none_of(commands, has_its_name)) commands.push_back(add_stage(program, stage));
  }
  const auto is_named = [&](const Command& command) { return command.parser->check_name(argv[1]); };
  if (argc > 1 && argv[1][0] != '-' && std::none_of(commands.begin(), commands.end(), is_named)) {
    std::cerr << "datus: error: '" << argv[1] << "' is no subcommand; see 'datus --help'\n";
    return static_cast<int>(datus::ExitCode::usage);
  }
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = program.exit(error);
    return code == 0 ? 0 : static_cast<int>(datus::ExitCode::usage);
  }
  for (const auto& command : commands) {
    if (command.parser->parsed()) return datus::run_distributed(argc, argv, command.body);
  }
  return static_cast<int>(datus::ExitCode::usage);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run_program(argc, argv);
  } catch (const std::exception& error) {
    (void)std::fprintf(stderr, "datus: error: %s\n", error.what());
    return static_cast<int>(datus::ExitCode::failure);
  }
}
