// SPDX-License-Identifier: Apache-2.0
#include "datus/pipeline/preflight.hpp"

#include "command.hpp"

#include <algorithm>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace datus::jobs {
namespace {

struct Arguments : ConfigArguments {
  PreflightRequest request;
};

/// Of a job's commands: "run", or "segment+describe".
std::vector<Stage> stages_of(const std::string& commands) {
  std::vector<Stage> stages;
  std::istringstream words(commands);
  for (std::string word; std::getline(words, word, '+');) {
    const auto stage = std::ranges::find(all_stages, word, [](Stage one) { return std::string(stage_name(one)); });
    if (word == "run" || word == "plan") {
      stages.assign(all_stages.begin(), all_stages.end());
    } else if (stage != all_stages.end()) {
      stages.push_back(*stage);
    } else if (word != "report") {
      throw CLI::ValidationError("--stages", word + " is no stage: name those of the job as segment+describe, or run");
    }
  }
  return stages;
}

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
          "--stages", [arguments](const std::string& names) { arguments->request.stages = stages_of(names); },
          "What the job will do: run, or stages as segment+describe; what they do not need is not asked for")
      ->type_name("STAGES");
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
