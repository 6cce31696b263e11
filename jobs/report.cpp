// SPDX-License-Identifier: Apache-2.0
#include "command.hpp"
#include "datus/pipeline/run.hpp"
#include "datus/pipeline/run_directory.hpp"

#include <memory>

namespace datus::jobs {

Command add_report(CLI::App& program) {
  struct Arguments : ConfigArguments {
    std::filesystem::path run;
    std::filesystem::path names;
    ReportRequest request;
  };
  CLI::App* parser = program.add_subcommand("report", "Write the report of a run again");
  auto arguments = std::make_shared<Arguments>();
  parser->add_option("RUN", arguments->run, "Directory of the run, or the configuration that it was started with")
      ->required();
  arguments->add_changes_to(*parser);
  parser->add_option("--images", arguments->request.max_images, "Most images to show")->check(CLI::PositiveNumber);
  parser
      ->add_option("--names", arguments->names,
                   "YAML with a line 'CLUSTER: CLASS' for each cluster that has a class; the run keeps it. none: drops "
                   "the one that it has")
      ->type_name("FILE");
  parser->add_option("--k", arguments->request.k, "Whose clusters they are, where the run has several K")
      ->needs("--names");
  return {parser, [arguments](Communicator& comm) {
            if (std::filesystem::is_directory(arguments->run)) {
              arguments->config = RunDirectory(arguments->run).config();
              arguments->set_path("run.directory", arguments->run.string());
            } else {
              arguments->config = arguments->run;
            }
            arguments->request.drops_names = arguments->names == "none";
            if (!arguments->names.empty() && !arguments->request.drops_names)
              arguments->request.names = arguments->names;
            return run_report(arguments->load(comm), arguments->request, comm);
          }};
}

}  // namespace datus::jobs
