// SPDX-License-Identifier: Apache-2.0
#include "datus/pipeline/evaluate.hpp"

#include "command.hpp"
#include "datus/comm/rank_threads.hpp"
#include "datus/core/log.hpp"
#include "datus/pipeline/run.hpp"
#include "datus/pipeline/score_files.hpp"

#include <iostream>
#include <memory>
#include <string>

namespace datus::jobs {
namespace {

struct Arguments : ConfigArguments {
  EvaluateRequest request;
};

ExitCode evaluate_files(const Arguments& arguments, Communicator& comm) {
  const Config config = arguments.load(comm);
  const int threads = threads_per_rank(comm);
  EvaluateRequest request = arguments.request;
  // For programs that read it: nothing else comes there then.
  const bool to_output = request.json == std::filesystem::path("-");
  if (to_output) request.json.reset();
  if (request.json) require_writable_output(comm, *request.json);
  const auto evaluation = evaluate_folders(config, request, threads, comm);
  if (comm.rank() == 0) {
    (to_output ? std::cerr : std::cout) << score_table({evaluation})
                                        << "ground truth: " << truth_text(evaluation.truth, evaluation.class_names)
                                        << std::endl;
    const std::string warning = truth_warning(evaluation.truth, evaluation.class_names, evaluation.void_value);
    if (!warning.empty()) log::warning(warning);
    if (to_output) std::cout << scores_text(evaluation) << std::flush;
  }
  return ExitCode::done;
}

}  // namespace

Command add_evaluate(CLI::App& program) {
  CLI::App* parser = program.add_subcommand("evaluate", "Scores against ground truth: of a run, or of two folders");
  auto arguments = std::make_shared<Arguments>();
  auto& request = arguments->request;
  arguments->add_run_to(*parser);
  arguments->add_options_to(*parser);
  parser->add_option("--config", arguments->config, "Settings for plain files")->type_name("FILE");
  auto* predictions = parser->add_option("--predictions", request.predictions, "Folder of masks");
  auto* truth = parser->add_option("--truth", request.truth, "Folder of ground truth, paired by name");
  parser->add_option("--classes", request.classes, "Number of classes, or a file with their names (dataset.classes)");
  parser->add_option("--clusters", request.clusters, "Number of clusters; default: the largest prediction plus one");
  parser->add_option("--json", request.json, "File for the scores; - is standard output");
  parser->add_option_function<std::string>(
      "--protocol", [arguments](const std::string& list) { arguments->set("evaluate.protocols", "[" + list + "]"); },
      "strict, datus-compat, stego, stego-crop, many_to_one, over-clustering, separated by commas "
      "(evaluate.protocols)");
  parser->add_option_function<std::string>(
      "--void", [arguments](const std::string& value) { arguments->set("dataset.void", value); },
      "Value of the truth that is no class (dataset.void)");
  parser->add_option_function<std::string>(
      "--list", [arguments](const std::string& file) { arguments->set_path("dataset.list", file); },
      "Text file with the names of the images to score, one per line (dataset.list)");
  parser->add_option_function<std::string>(
      "--mapping", [arguments](const std::string& file) { arguments->set_path("evaluate.mapping", file); },
      "Scores file whose cluster-to-class mapping is used (evaluate.mapping)");
  predictions->needs(truth);
  truth->needs(predictions);
  return {parser, [arguments](Communicator& comm) {
            if (!arguments->request.predictions.empty()) return evaluate_files(*arguments, comm);
            require_config(*arguments, "evaluate", "--predictions DIR --truth DIR");
            return run_stage(arguments->load(comm), Stage::evaluate, arguments->options, comm);
          }};
}

}  // namespace datus::jobs
