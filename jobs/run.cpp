// SPDX-License-Identifier: Apache-2.0
#include "datus/pipeline/run.hpp"

#include "command.hpp"

#include <memory>

namespace datus::jobs {

Command add_run(CLI::App& program) {
  CLI::App* parser = program.add_subcommand("run", "All stages of a run, and the report; goes on where it stopped");
  auto arguments = std::make_shared<ConfigArguments>();
  arguments->add_run_to(*parser);
  arguments->add_options_to(*parser);
  parser->get_option("CONFIG")->required();
  return {parser, [arguments](Communicator& comm) { return run_all(arguments->load(comm), arguments->options, comm); }};
}

}  // namespace datus::jobs
