// SPDX-License-Identifier: Apache-2.0
#include "datus/pipeline/clean.hpp"

#include "command.hpp"

#include <iostream>
#include <memory>

namespace datus::jobs {

Command add_clean(CLI::App& program) {
  struct Arguments {
    std::filesystem::path run;
    bool dry_run = false;
  };
  CLI::App* parser =
      program.add_subcommand("clean", "Remove clusters, masks and scores of the values of K that a run no longer has");
  auto arguments = std::make_shared<Arguments>();
  parser->add_option("RUN", arguments->run, "Directory of the run")->required();
  parser->add_flag("--dry-run", arguments->dry_run, "Print what would be removed; change nothing");
  return {parser, [arguments](Communicator& comm) {
            require_one_rank(comm, "clean");
            return clean_run(arguments->run, arguments->dry_run, std::cout, comm);
          }};
}

}  // namespace datus::jobs
