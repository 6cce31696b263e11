// SPDX-License-Identifier: Apache-2.0
#include "command.hpp"
#include "datus/comm/rank_threads.hpp"
#include "datus/core/error.hpp"
#include "datus/core/log.hpp"
#include "datus/pipeline/plain_masks.hpp"
#include "datus/pipeline/run.hpp"

#include <iostream>
#include <memory>

namespace datus::jobs {
namespace {

struct Arguments : ConfigArguments {
  std::filesystem::path segments;
  std::filesystem::path keys;
  std::string clusters;
  std::filesystem::path images;
  std::filesystem::path out;
};

ExitCode mask_files(const Arguments& arguments, Communicator& comm) {
  const Config config = arguments.load(comm);
  const int threads = threads_per_rank(comm);
  if (comm.rank() == 0 && config.mask.formats != MaskConfig().formats) {
    log::warning("mask.formats has no effect here: 'datus mask' on plain files writes PNGs ('datus run' takes it)");
  }
  const bool is_dense = !arguments.keys.empty();
  if (is_dense != has_dense_labels(config.mask)) {
    throw AgreedError(ExitCode::usage, is_dense ? "--keys is of no use here" : "--segments is of no use here",
                      is_dense ? "mask.labels is segment" : "mask.labels is dense",
                      is_dense ? "Give --segments, or --set mask.labels=dense with the settings of the clusters."
                               : "Give --keys, or --set mask.labels=segment.");
  }
  const auto count = is_dense ? dense_masks_to_folder(config, arguments.keys, arguments.clusters, arguments.images,
                                                      arguments.out, threads, comm)
                              : masks_to_folder(config, arguments.segments, arguments.clusters, arguments.images,
                                                arguments.out, threads, comm);
  if (comm.rank() == 0) std::cout << count << " masks in " << arguments.out.string() << std::endl;
  return ExitCode::done;
}

}  // namespace

Command add_mask(CLI::App& program) {
  CLI::App* parser = program.add_subcommand("mask", "Label maps as PNG: of a run, or from segments and clusters");
  auto arguments = std::make_shared<Arguments>();
  arguments->add_run_to(*parser);
  arguments->add_options_to(*parser);
  parser->add_option("--config", arguments->config, "Settings for plain files")->type_name("FILE");
  auto* segments = parser->add_option("--segments", arguments->segments, "HDF5 file that 'datus segment' wrote");
  auto* keys = parser->add_option("--keys", arguments->keys,
                                  "HDF5 file that 'datus extract' wrote, in place of segments: with mask.labels=dense");
  auto* clusters = parser->add_option("--clusters", arguments->clusters, "FILE.h5:/k027 that 'datus cluster' wrote");
  auto* images = parser->add_option("--images", arguments->images,
                                    "Folder of images, an image, or text file with one path per line");
  auto* out = parser->add_option("--out", arguments->out, "Folder for the masks");
  parser->add_option_function<std::string>(
      "--resolution", [arguments](const std::string& name) { arguments->set("mask.resolution", name); },
      "original, input or grid (mask.resolution)");
  segments->needs(clusters)->needs(images)->needs(out);
  keys->needs(clusters)->needs(images)->needs(out)->excludes(segments);
  return {parser, [arguments](Communicator& comm) {
            if (!arguments->segments.empty() || !arguments->keys.empty()) return mask_files(*arguments, comm);
            require_config(*arguments, "mask",
                           "--segments FILE (or --keys FILE) --clusters FILE:/kK --images DIR --out DIR");
            return run_stage(arguments->load(comm), Stage::mask, arguments->options, comm);
          }};
}

}  // namespace datus::jobs
