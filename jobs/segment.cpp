// SPDX-License-Identifier: Apache-2.0
#include "datus/pipeline/segment.hpp"

#include "command.hpp"
#include "datus/comm/rank_threads.hpp"
#include "datus/pipeline/run.hpp"

#include <iostream>
#include <memory>

namespace datus::jobs {
namespace {

struct Arguments : ConfigArguments {
  std::filesystem::path keys;
  std::filesystem::path out;
};

}  // namespace

Command add_segment(CLI::App& program) {
  CLI::App* parser =
      program.add_subcommand("segment", "Segments from embeddings: of a run, or from one file to another");
  auto arguments = std::make_shared<Arguments>();
  arguments->add_run_to(*parser);
  arguments->add_options_to(*parser);
  parser->add_option("--config", arguments->config, "Settings for plain files")->type_name("FILE");
  auto* keys = parser->add_option("--keys", arguments->keys, "HDF5 file with /keys [n,P,D]");
  auto* out = parser->add_option("--out", arguments->out, "HDF5 file to write")->needs(keys);
  keys->needs(out);
  return {parser, [arguments](Communicator& comm) {
            if (arguments->keys.empty()) {
              require_config(*arguments, "segment", "--keys FILE --out FILE");
              return run_stage(arguments->load(comm), Stage::segment, arguments->options, comm);
            }
            require_one_rank(comm, "segment");
            const Config config = arguments->load(comm);
            require_writable_output(comm, arguments->out);
            segment_to_file(config, arguments->keys, arguments->out, threads_per_rank(comm), comm);
            std::cout << arguments->out.string() << std::endl;
            return ExitCode::done;
          }};
}

}  // namespace datus::jobs
