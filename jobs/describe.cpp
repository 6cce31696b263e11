// SPDX-License-Identifier: Apache-2.0
#include "datus/pipeline/describe.hpp"

#include "command.hpp"
#include "datus/comm/rank_threads.hpp"
#include "datus/pipeline/run.hpp"

#include <iostream>
#include <memory>

namespace datus::jobs {
namespace {

struct Arguments : ConfigArguments {
  std::filesystem::path images;
  std::filesystem::path segments;
  std::filesystem::path out;
};

}  // namespace

Command add_describe(CLI::App& program) {
  CLI::App* parser = program.add_subcommand("describe", "One vector per segment: of a run, or to one file");
  auto arguments = std::make_shared<Arguments>();
  arguments->add_run_to(*parser);
  arguments->add_options_to(*parser);
  parser->add_option("--config", arguments->config, "Settings for plain files")->type_name("FILE");
  auto* images = parser->add_option("--images", arguments->images,
                                    "Folder of images, an image, or text file with one path per line");
  auto* segments = parser->add_option("--segments", arguments->segments, "HDF5 file that 'datus segment' wrote");
  auto* weights = parser->add_option_function<std::string>(
      "--weights", [arguments](const std::string& path) { arguments->set_path("model.weights", path); },
      "Weights file (model.weights)");
  auto* out = parser->add_option("--out", arguments->out, "HDF5 file to write")->needs(segments);
  segments->needs(images)->needs(weights)->needs(out);
  images->needs(segments);
  return {parser, [arguments](Communicator& comm) {
            if (arguments->segments.empty()) {
              require_config(*arguments, "describe", "--images DIR --segments FILE --weights FILE --out FILE");
              return run_stage(arguments->load(comm), Stage::describe, arguments->options, comm);
            }
            require_one_rank(comm, "describe");
            const Config config = arguments->load(comm);
            require_writable_output(comm, arguments->out);
            describe_to_file(config, arguments->images, arguments->segments, arguments->out, threads_per_rank(comm));
            std::cout << arguments->out.string() << std::endl;
            return ExitCode::done;
          }};
}

}  // namespace datus::jobs
