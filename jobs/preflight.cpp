// SPDX-License-Identifier: Apache-2.0
#include "datus/pipeline/preflight.hpp"

#include "command.hpp"

#include <memory>

namespace datus::jobs {
namespace {

struct Arguments : ConfigArguments {
  PreflightRequest request;
};

}  // namespace

Command add_preflight(CLI::App& program) {
  CLI::App* parser = program.add_subcommand(
      "preflight", "Check, on all ranks and nodes of a job, what it needs before it starts; changes nothing");
  auto arguments = std::make_shared<Arguments>();
  arguments->add_run_to(*parser);
  parser->add_option("--ranks", arguments->request.ranks, "Ranks that the launcher was asked for")
      ->check(CLI::PositiveNumber);
  parser
      ->add_option_function<std::string>(
          "--weights", [arguments](const std::string& path) { arguments->set_path("model.weights", path); },
          "Weights file (model.weights)")
      ->type_name("FILE");
  return {parser, [arguments, parser](Communicator& comm) {
            PreflightRequest request = arguments->request;
            request.needs_images = arguments->config.has_value();
            request.in_run_directory = request.needs_images || parser->count("--run") > 0;
            return preflight(arguments->load(comm), request, comm);
          }};
}

}  // namespace datus::jobs
