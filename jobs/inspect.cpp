// SPDX-License-Identifier: Apache-2.0
#include "datus/pipeline/inspect.hpp"

#include "command.hpp"

#include <iostream>
#include <memory>

namespace datus::jobs {

Command add_inspect(CLI::App& program) {
  struct Arguments : ConfigArguments {
    std::filesystem::path path;
    bool verify = false;
  };
  CLI::App* parser = program.add_subcommand("inspect", "What is in a run, an HDF5 file or a weights file");
  auto arguments = std::make_shared<Arguments>();
  arguments->add_to(*parser);
  parser->add_option("PATH", arguments->path, "Run directory or file")->required();
  parser->add_flag("--verify", arguments->verify, "Check every content hash");
  return {parser, [arguments](Communicator& comm) {
            require_one_rank(comm, "inspect");
            return inspect(arguments->path, arguments->verify, arguments->load(comm).model, std::cout);
          }};
}

}  // namespace datus::jobs
