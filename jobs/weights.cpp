// SPDX-License-Identifier: Apache-2.0
#include "command.hpp"
#include "datus/core/text.hpp"
#include "datus/pipeline/weights_cache.hpp"

#include <filesystem>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

namespace datus::jobs {
namespace {

struct Arguments {
  std::string action;
  std::vector<std::string> names;
};

/// "dino-vits8   DINO ViT-S/8, the paper's   86.7 MB  224 px  Apache-2.0  here", a line for each.
std::string list_of_weights() {
  std::ostringstream lines;
  for (const KnownWeights& weights : known_weights()) {
    std::error_code unknown;
    const bool is_here = std::filesystem::exists(weights_file(weights), unknown);
    lines << pad_right(weights.name, 17) << pad_right(weights.about, 32)
          << pad_left(std::to_string(static_cast<int>(weights.megabytes)), 5) << " MB  " << weights.input_size
          << " px  " << pad_right(weights.licence, 13) << (is_here ? " here" : "") << "\n"
          << "  " << weights.url << "\n";
  }
  lines << "Folder: " << weights_folder().string() << "\n";
  return lines.str();
}

void require_names(const Arguments& arguments) {
  const bool needs_names = arguments.action != "list";
  if (needs_names == arguments.names.empty()) {
    throw UsageError("'datus weights " + arguments.action + "' takes " + (needs_names ? "a name" : "no name"),
                     needs_names ? "none was given" : "'" + arguments.names.front() + "' was given",
                     "See 'datus weights --help'.");
  }
}

std::string text_for(const Arguments& arguments) {
  require_names(arguments);
  if (arguments.action == "list") return list_of_weights();
  std::vector<KnownWeights> wanted;
  for (const std::string& name : arguments.names) wanted.push_back(known_weights_of(name));
  std::string lines;
  for (const KnownWeights& weights : wanted) {
    const auto file = arguments.action == "get" ? fetch_weights(weights) : verified_weights(weights);
    lines += file.string() + "\n";
  }
  return lines;
}

}  // namespace

Command add_weights(CLI::App& program) {
  CLI::App* parser = program.add_subcommand(
      "weights", "List the backbones that have a name, fetch them, or say where their files are");
  auto arguments = std::make_shared<Arguments>();
  parser->add_option("ACTION", arguments->action, "list; get: fetch what is not there, and verify; path: verify")
      ->check(CLI::IsMember({"list", "get", "path"}))
      ->required();
  parser->add_option("NAME", arguments->names, "Names, such as dinov2-s14, that model.weights takes too");
  parser->footer(
      "Files lie in $DATUS_CACHE/weights, or in $XDG_CACHE_HOME/datus/weights, or ~/.cache/datus/weights.\n"
      "$DATUS_WEIGHTS_MIRROR is an address to fetch from in place of the authors' host; https_proxy is respected.\n\n" +
      program.get_footer());
  return {parser, [arguments](Communicator& comm) {
            require_one_rank(comm, "weights " + arguments->action);
            std::cout << text_for(*arguments) << std::flush;
            return ExitCode::done;
          }};
}

}  // namespace datus::jobs
