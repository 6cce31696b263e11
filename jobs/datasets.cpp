// SPDX-License-Identifier: Apache-2.0
#include "command.hpp"
#include "datus/config/dataset_descriptions.hpp"
#include "datus/core/error.hpp"
#include "datus/core/text.hpp"

#include <iostream>
#include <memory>
#include <string>

namespace datus::jobs {
namespace {

/// The description of that name.
DatasetText description_of(const std::string& name) {
  if (auto text = find_dataset_text(name)) return *text;
  throw UsageError("There is no description of a data set " + name, "$DATUS_DATASETS and the program have none",
                   "'datus datasets' lists them.");
}

/// "voc   Pascal VOC 2012, …", a line for each.
std::string list_of_descriptions() {
  constexpr std::size_t width = 16;
  std::string lines;
  for (const std::string& name : dataset_names()) {
    lines += pad_right(name, width) + " " + parse_dataset(description_of(name))->about + "\n";
  }
  return lines;
}

}  // namespace

Command add_datasets(CLI::App& program) {
  CLI::App* parser =
      program.add_subcommand("datasets", "List the data sets that are described, or print a description");
  auto name = std::make_shared<std::string>();
  parser->add_option("NAME", *name, "Print the description of this data set, a pattern for your own");
  return {parser, [name](Communicator& comm) {
            std::string text;
            collectively(comm, [&] { text = name->empty() ? list_of_descriptions() : description_of(*name).text; });
            if (comm.rank() == 0) std::cout << text << std::flush;
            return ExitCode::done;
          }};
}

}  // namespace datus::jobs
