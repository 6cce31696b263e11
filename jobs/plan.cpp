#include "command.hpp"
#include "datus/pipeline/run.hpp"

#include <memory>

namespace datus::jobs {

Command add_plan(CLI::App& program) {
  CLI::App* parser =
      program.add_subcommand("plan", "What 'datus run' would do and the bytes it would write; changes nothing");
  auto arguments = std::make_shared<ConfigArguments>();
  arguments->add_run_to(*parser);
  parser->get_option("CONFIG")->required();
  return {parser, [arguments](Communicator& comm) { return print_plan(arguments->load(comm), comm); }};
}

}  // namespace datus::jobs
