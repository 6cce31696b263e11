// SPDX-License-Identifier: Apache-2.0
#include "command.hpp"
#include "datus/comm/run_distributed.hpp"
#include "datus/core/error.hpp"
#include "datus/core/log.hpp"
#include "datus/core/printable.hpp"
#include "datus/core/text.hpp"
#include "datus/core/version.hpp"
#include "examples.hpp"
#include "printable_output.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

namespace {

/// What every subcommand has: examples in its help, and how much is said.
void add_manners(CLI::App& parser, bool& is_quiet, bool& is_verbose) {
  auto* quiet = parser.add_flag("-q,--quiet", is_quiet, "Say nothing but warnings and errors");
  parser.add_flag("-v,--verbose", is_verbose, "Say what is done, step by step")->excludes(quiet);
  parser.footer(datus::jobs::examples_of(parser.get_name()) + "\n" + parser.get_footer());
}

/// Says, once for all ranks, what is wrong with the command line.
int refuse(int argc, char** argv, const std::string& why, const std::string& command) {
  return datus::run_distributed(argc, argv, [&](datus::Communicator&) -> datus::ExitCode {
    throw datus::AgreedError(datus::ExitCode::usage, "Cannot read the command line", why,
                             "See '" + command + " --help'.");
  });
}

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
      add_run(program),     add_extract(program),     add_segment(program), add_describe(program), add_cluster(program),
      add_mask(program),    add_evaluate(program),    add_apply(program),   add_export(program),   add_report(program),
      add_compare(program), add_leaderboard(program), add_sweep(program),   add_inspect(program),  add_clean(program),
      add_plan(program),    add_preflight(program),   add_config(program),  add_datasets(program), add_weights(program),
      add_manual(program),  add_completion(program),  add_version(program),
  };
  for (const datus::Stage stage : datus::all_stages) {
    const auto has_its_name = [&](const Command& command) {
      return command.parser->get_name() == datus::stage_name(stage);
    };
    if (std::ranges::none_of(commands, has_its_name)) commands.push_back(add_stage(program, stage));
  }
  bool is_quiet = false;
  bool is_verbose = false;
  for (const Command& command : commands) add_manners(*command.parser, is_quiet, is_verbose);
  const auto is_named = [&](const Command& command) { return command.parser->check_name(argv[1]); };
  if (argc > 1 && argv[1][0] != '-' && std::none_of(commands.begin(), commands.end(), is_named)) {
    return refuse(argc, argv, "there is no subcommand '" + std::string(argv[1]) + "'", "datus");
  }
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return program.exit(error);  // --help and --version
    const auto named = program.get_subcommands();
    return refuse(argc, argv, error.what(), named.empty() ? "datus" : "datus " + named.front()->get_name());
  }
  if (is_quiet) datus::log::set_level(datus::log::Level::quiet);
  if (is_verbose) datus::log::set_level(datus::log::Level::verbose);
  const auto named = std::ranges::find_if(commands, [](const Command& command) { return command.parser->parsed(); });
  return datus::run_distributed(argc, argv, named->body);
}

/// Whether all that was printed is where it was sent: a full disk shows up only here.
bool is_printed() {
  errno = 0;
  if (std::cout.flush() && std::fflush(stdout) == 0) return true;
  const std::string why = errno == 0 ? "the disk is full, or nobody reads it any more" : datus::errno_text(errno);
  (void)std::fprintf(stderr, "datus: error: %s\n",
                     datus::message_text("Cannot write to standard output", why, "Send it somewhere else.").c_str());
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const datus::jobs::PrintableOutput printable(std::cout);
    const int code = run_program(argc, argv);
    return is_printed() || code != 0 ? code : static_cast<int>(datus::ExitCode::failure);
  } catch (const std::exception& error) {
    (void)std::fprintf(stderr, "datus: error: %s\n", datus::printable_line(error.what()).c_str());
    return static_cast<int>(datus::ExitCode::failure);
  }
}
