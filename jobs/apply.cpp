// SPDX-License-Identifier: Apache-2.0
#include "command.hpp"
#include "datus/io/dataset.hpp"
#include "datus/pipeline/run.hpp"
#include "datus/pipeline/run_directory.hpp"

#include <memory>

namespace datus::jobs {
namespace {

namespace fs = std::filesystem;

struct Arguments {
  fs::path fitted;
  fs::path images;
  std::optional<fs::path> truth;
  fs::path run;
  std::vector<std::string> overrides;
  RunOptions options;
};

/// The data set to label: the one of a configuration file, or a plain folder or list.
DatasetConfig dataset_of(const Arguments& arguments, const DatasetConfig& fitted) {
  const auto extension = arguments.images.extension();
  if (extension == ".yaml" || extension == ".yml") return load_config(arguments.images, {}).dataset;
  DatasetConfig dataset;
  const bool has_truth = arguments.truth || lists_truth(arguments.images);
  dataset.kind = kind_of_plain_files(fitted.kind, arguments.images, has_truth);
  dataset.images = fs::absolute(arguments.images);
  dataset.orientation = fitted.orientation;
  dataset.classes = fitted.classes;
  dataset.void_label = fitted.void_label;
  if (arguments.truth) dataset.truth = fs::absolute(*arguments.truth);
  if (has_truth) dataset.label_map = fitted.label_map;
  return dataset;
}

Config config_of(const Arguments& arguments) {
  const RunDirectory fitted(arguments.fitted);
  if (!fs::exists(fitted.config())) {
    throw InputError("No run in " + arguments.fitted.string(), fitted.config().string() + " does not exist",
                     "Give the directory of a finished run.");
  }
  if (fs::weakly_canonical(arguments.run) == fs::weakly_canonical(arguments.fitted)) {
    throw UsageError("--run is the fitted run itself", "its results would be overwritten", "Choose a new directory.");
  }
  Config config = load_config(fitted.config(), arguments.overrides);
  config.run.directory = arguments.run;
  config.dataset = dataset_of(arguments, config.dataset);
  for (const int k : config.cluster.k) {
    if (!fs::exists(fitted.centroids(k))) {
      throw InputError("The run in " + arguments.fitted.string() + " is not finished",
                       fitted.centroids(k).string() + " does not exist", "Finish it with 'datus run' first.");
    }
  }
  return config;
}

}  // namespace

Command add_apply(CLI::App& program) {
  CLI::App* parser = program.add_subcommand(
      "apply", "Label new images with a finished run: its weights, settings, centroids and mapping; nothing is fitted");
  auto arguments = std::make_shared<Arguments>();
  parser->add_option("RUN", arguments->fitted, "Directory of the finished run")->required();
  parser
      ->add_option("--images", arguments->images,
                   "Folder, image, list of paths, or configuration with a dataset section")
      ->required();
  parser->add_option("--truth", arguments->truth, "Ground truth of the images, paired by name");
  parser->add_option("--run", arguments->run, "Directory of the new run")->required();
  add_overrides(*parser, arguments->overrides);
  parser->add_flag("--dry-run", arguments->options.dry_run, "Print what would be done and written; change nothing");
  parser->add_flag("--force", arguments->options.force, "Start also when the run will not fit on the disk");
  return {parser, [arguments](Communicator& comm) {
            Config config;
            collectively(comm, [&] { config = config_of(*arguments); });
            return apply_run(config, arguments->fitted, arguments->options, comm);
          }};
}

}  // namespace datus::jobs
