// SPDX-License-Identifier: Apache-2.0
#include "datus/pipeline/leaderboard.hpp"

#include "command.hpp"
#include "datus/io/atomic_file.hpp"

#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace datus::jobs {
namespace {

struct Arguments {
  std::vector<std::filesystem::path> runs;
  std::string protocol;
  std::string format = "text";
  std::optional<std::filesystem::path> out;
};

const std::map<std::string, TableFormat>& formats() {
  static const std::map<std::string, TableFormat> table = {{"text", TableFormat::text},
                                                           {"csv", TableFormat::csv},
                                                           {"markdown", TableFormat::markdown},
                                                           {"html", TableFormat::html},
                                                           {"latex", TableFormat::latex}};
  return table;
}

std::string table_of(const Arguments& arguments) {
  auto rows = read_leaderboard(arguments.runs);
  if (!arguments.protocol.empty()) {
    const auto is_other = [&](const LeaderboardRow& row) {
      return row.source.empty() && row.protocol != arguments.protocol;
    };
    std::erase_if(rows, is_other);
  }
  if (rows.empty()) {
    throw InputError("No run has scores by " + arguments.protocol, "they were evaluated by other protocols",
                     "Leave --protocol out to see which there are.");
  }
  return leaderboard_text(rows, formats().at(arguments.format));
}

}  // namespace

Command add_leaderboard(CLI::App& program) {
  CLI::App* parser = program.add_subcommand(
      "leaderboard", "Scores of several runs side by side: mean and deviation over seeds, beside published figures");
  auto arguments = std::make_shared<Arguments>();
  parser->add_option("RUN", arguments->runs, "Directories of runs")->required();
  parser->add_option("--protocol", arguments->protocol, "Only scores by this protocol, such as strict");
  parser->add_option("--format", arguments->format, "How the table is written (text)")
      ->check(CLI::IsMember({"text", "csv", "markdown", "html", "latex"}));
  parser->add_option("--out", arguments->out, "File to write it to, in place of standard output")->type_name("FILE");
  return {parser, [arguments](Communicator& comm) {
            require_one_rank(comm, "leaderboard");
            const std::string text = table_of(*arguments);
            if (arguments->out) {
              write_text_atomically(*arguments->out, text);
              std::cout << arguments->out->string() << std::endl;
            } else {
              std::cout << text << std::flush;
            }
            return ExitCode::done;
          }};
}

}  // namespace datus::jobs
