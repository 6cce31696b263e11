// SPDX-License-Identifier: Apache-2.0
#include "datus/pipeline/run.hpp"

#include "command.hpp"
#include "datus/core/log.hpp"
#include "datus/io/dataset.hpp"

#include <memory>

namespace datus::jobs {
namespace {

namespace fs = std::filesystem;

struct Arguments : ConfigArguments {
  std::optional<fs::path> images;
  std::optional<std::string> weights;
  std::optional<std::string> k;
};

/// "photos" for "/data/photos/" and for "photos.txt".
std::string name_of(const fs::path& images) {
  const fs::path itself = fs::absolute(images).lexically_normal();
  const fs::path name = (itself.has_filename() ? itself : itself.parent_path()).filename();
  return name.empty() ? "images" : (fs::is_directory(itself) ? name : name.stem()).string();
}

/// What stands for a configuration file: photos, weights, and settings that suit most of them.
ConfigArguments without_file(const Arguments& arguments) {
  ConfigArguments made;
  made.options = arguments.options;
  made.set("preset", "best");
  made.set("cluster.k", "[8, 16, 32]");
  made.set("dataset.kind", kind_of_plain_files("folder", *arguments.images, false).name);
  made.set_path("dataset.images", arguments.images->string());
  made.set_path("run.directory", (fs::path("runs") / name_of(*arguments.images)).string());
  made.overrides.insert(made.overrides.end(), arguments.overrides.begin(), arguments.overrides.end());
  return made;
}

ExitCode run(const Arguments& arguments, Communicator& comm) {
  if (!arguments.config && !arguments.images) {
    throw AgreedError(ExitCode::usage, "'datus run' has nothing to work on", "neither CONFIG nor --images",
                      "Give a CONFIG, or --images DIR --weights FILE.");
  }
  ConfigArguments made;
  if (arguments.config) {
    made = arguments;
  } else {
    collectively(comm, [&] { made = without_file(arguments); });
  }
  if (arguments.weights) made.set_path("model.weights", *arguments.weights);
  if (arguments.k) made.set("cluster.k", "[" + *arguments.k + "]");
  const Config config = made.load(comm);
  if (!arguments.config && comm.rank() == 0) log::info("Run directory: " + config.run.directory.string());
  return run_all(config, made.options, comm);
}

}  // namespace

Command add_run(CLI::App& program) {
  CLI::App* parser = program.add_subcommand("run", "All stages of a run, and the report; goes on where it stopped");
  auto arguments = std::make_shared<Arguments>();
  arguments->add_run_to(*parser);
  arguments->add_options_to(*parser);
  parser
      ->add_option("--images", arguments->images,
                   "Photos, in place of CONFIG: a folder, an image, or a list. The run is in runs/NAME")
      ->excludes(parser->get_option("CONFIG"));
  parser->add_option("--weights", arguments->weights,
                     "Weights, a file or a name that 'datus weights list' has (model.weights)");
  parser->add_option("--k", arguments->k, "Numbers of clusters, such as 8,16,32 (cluster.k)");
  return {parser, [arguments](Communicator& comm) { return run(*arguments, comm); }};
}

}  // namespace datus::jobs
