// SPDX-License-Identifier: Apache-2.0
#include "datus/pipeline/extract.hpp"

#include "command.hpp"
#include "datus/comm/rank_threads.hpp"
#include "datus/core/log.hpp"
#include "datus/pipeline/run.hpp"

#include <iostream>
#include <memory>

namespace datus::jobs {
namespace {

struct Arguments : ConfigArguments {
  std::filesystem::path images;
  std::filesystem::path weights;
  std::filesystem::path out;
};

ExitCode extract_files(Arguments& arguments, Communicator& comm) {
  require_one_rank(comm, "extract");
  const Config config = arguments.load(comm);
  require_writable_output(comm, arguments.out);
  const auto unreadable = extract_to_file(config, arguments.images, arguments.out, threads_per_rank(comm));
  for (const auto& [name, reason] : unreadable) log::warning("left out: " + reason);
  std::cout << arguments.out.string() << std::endl;
  return exit_code_for(config.dataset, std::ssize(unreadable));
}

}  // namespace

Command add_extract(CLI::App& program) {
  CLI::App* parser = program.add_subcommand("extract", "Patch embeddings of images: of a run, or to one file");
  auto arguments = std::make_shared<Arguments>();
  arguments->add_run_to(*parser);
  arguments->add_options_to(*parser);
  parser->add_option("--config", arguments->config, "Settings for plain files")->type_name("FILE");
  auto* images = parser->add_option("--images", arguments->images,
                                    "Folder of images, an image, or text file with one path per line");
  auto* weights = parser->add_option_function<std::string>(
      "--weights", [arguments](const std::string& path) { arguments->set_path("model.weights", path); },
      "Weights file (model.weights)");
  auto* out = parser->add_option("--out", arguments->out, "HDF5 file to write")->needs(images);
  images->needs(out);
  images->needs(weights);
  return {parser, [arguments](Communicator& comm) {
            if (!arguments->images.empty()) return extract_files(*arguments, comm);
            require_config(*arguments, "extract", "--images DIR --weights FILE --out FILE");
            return run_stage(arguments->load(comm), Stage::extract, arguments->options, comm);
          }};
}

}  // namespace datus::jobs
