// SPDX-License-Identifier: Apache-2.0
#include "datus/pipeline/compare.hpp"

#include "command.hpp"

#include <iostream>
#include <map>
#include <memory>
#include <string>

namespace datus::jobs {

Command add_compare(CLI::App& program) {
  using Protocol = EvaluateConfig::Protocol;
  CLI::App* parser = program.add_subcommand(
      "compare", "Two runs side by side: scores of each class and image, how much their masks agree, and a page");
  auto request = std::make_shared<CompareRequest>();
  parser->add_option("FIRST", request->runs[0], "Directory of a run")->required();
  parser->add_option("SECOND", request->runs[1], "Directory of another, or of the same one with another K")->required();
  parser->add_option("--k", request->k, "Number of clusters: of both, or 'K,K' (the first K that both have)")
      ->delimiter(',')
      ->expected(1, 2)
      ->allow_extra_args(false)
      ->type_name("K[,K]");
  parser->add_option("--protocol", request->protocol, "How clusters get classes: strict, datus-compat or many_to_one")
      ->transform(CLI::CheckedTransformer(std::map<std::string, Protocol>{{"strict", Protocol::strict},
                                                                          {"datus-compat", Protocol::datus_compat},
                                                                          {"many_to_one", Protocol::many_to_one}}))
      ->default_str("strict");
  parser->add_option("--out", request->out, "File .csv, .md or .html, or a folder for all three")->type_name("PATH");
  parser->add_option("--images", request->max_images, "Most images on the page")->check(CLI::PositiveNumber);
  return {parser, [request](Communicator& comm) {
            require_one_rank(comm, "compare");
            return compare_runs(*request, std::cout, comm);
          }};
}

}  // namespace datus::jobs
