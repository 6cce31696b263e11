// SPDX-License-Identifier: Apache-2.0
#include "datus/pipeline/export.hpp"

#include "command.hpp"

#include <iostream>
#include <map>
#include <memory>

namespace datus::jobs {

Command add_export(CLI::App& program) {
  CLI::App* parser = program.add_subcommand(
      "export", "Write the masks of a run as other programs read them: PNGs of classes, COCO, folders to train on");
  auto request = std::make_shared<ExportRequest>();
  std::string formats;
  for (const std::string& format : export_formats()) formats += (formats.empty() ? "" : ",") + format;
  parser->add_option("RUN", request->run, "Directory of the run")->required();
  parser->add_option("--to", request->format, "Format")->type_name("{" + formats + "}")->required();
  parser->add_option("--k", request->k, "Number of clusters, where the run has several");
  parser->add_option("--out", request->out, "New folder (RUN/export/kNNN-FORMAT)")->type_name("DIR");
  parser->add_option("--names", request->names, "YAML with a line 'CLUSTER: CLASS' for each cluster that has a class")
      ->type_name("FILE");
  parser->add_option("--protocol", request->protocol,
                     "Whose mapping of clusters to classes is taken, where the run has ground truth (strict)");
  parser->add_option("--images", request->images, "Photos beside the masks: link (relative symbolic links) or copy")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, ExportedImages>{{"link", ExportedImages::link}, {"copy", ExportedImages::copy}}))
      ->default_str("link");
  return {parser, [request](Communicator& comm) {
            require_one_rank(comm, "export");
            return export_run(*request, std::cout, comm);
          }};
}

}  // namespace datus::jobs
