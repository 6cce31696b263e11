// SPDX-License-Identifier: Apache-2.0
#include "command.hpp"

#include <iostream>
#include <memory>

namespace datus::jobs {

Command add_config(CLI::App& program) {
  CLI::App* parser =
      program.add_subcommand("config", "Print the resolved configuration with every default and its meaning");
  auto arguments = std::make_shared<ConfigArguments>();
  arguments->add_run_to(*parser);
  return {parser, [arguments](Communicator& comm) {
            const Config config = arguments->load(comm);
            if (comm.rank() == 0) std::cout << dump_config(config, true) << std::flush;
            return ExitCode::done;
          }};
}

}  // namespace datus::jobs
