// SPDX-License-Identifier: Apache-2.0
#include "datus/pipeline/sweep.hpp"

#include "command.hpp"

#include <iostream>
#include <memory>

namespace datus::jobs {

Command add_sweep(CLI::App& program) {
  CLI::App* parser = program.add_subcommand(
      "sweep", "Runs for each combination of data sets, weights, settings and seeds, and their leaderboard");
  struct Arguments {
    std::filesystem::path file;
    bool list = false;
    SweepOptions options;
  };
  auto arguments = std::make_shared<Arguments>();
  parser->add_option("FILE", arguments->file, "What varies (docs/sweeps.md)")->required();
  auto* list = parser->add_flag("--list", arguments->list, "Print the runs and their parts, and do nothing");
  parser
      ->add_option("--part", arguments->options.part,
                   "Only the runs of this part, for a task of a batch system's array")
      ->excludes(list);
  parser->add_flag("--dry-run", arguments->options.run.dry_run,
                   "Print what the runs would do and write; change nothing");
  parser->add_flag("--force", arguments->options.run.force, "Start also when a run will not fit on the disk");
  return {parser, [arguments](Communicator& comm) {
            Sweep sweep;
            collectively(comm, [&] { sweep = load_sweep(arguments->file); });
            if (!arguments->list) return run_sweep(sweep, arguments->options, comm);
            if (comm.rank() == 0) std::cout << sweep_text(sweep) << std::flush;
            return ExitCode::done;
          }};
}

}  // namespace datus::jobs
