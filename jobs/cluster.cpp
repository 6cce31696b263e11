// SPDX-License-Identifier: Apache-2.0
#include "datus/pipeline/cluster.hpp"

#include "command.hpp"
#include "datus/comm/rank_threads.hpp"
#include "datus/pipeline/cluster_selection.hpp"
#include "datus/pipeline/run.hpp"

#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

namespace datus::jobs {
namespace {

struct Arguments : ConfigArguments {
  std::vector<std::string> descriptors;
  std::vector<std::string> assign;
  std::string centroids;
  std::filesystem::path out;
};

void print(const ClusterSummary& summary, const Communicator& comm) {
  if (comm.rank() != 0) return;
  std::printf("K = %d: %lld rows, inertia %.9g\n", summary.k, static_cast<long long>(summary.rows), summary.inertia);
}

/// At least one.
void print(const std::vector<ClusterSummary>& summaries, const Communicator& comm) {
  if (comm.rank() != 0) return;
  std::cout << summaries.front().rows << " rows\n" << selection_table(summaries) << std::flush;
}

ExitCode cluster_files(const Arguments& arguments, Communicator& comm) {
  const Config config = arguments.load(comm);
  require_writable_output(comm, arguments.out);
  const int threads = threads_per_rank(comm);
  if (!arguments.assign.empty()) {
    print(assign_to_file(config, arguments.assign, arguments.centroids, arguments.out, threads, comm), comm);
    return ExitCode::done;
  }
  print(cluster_to_file(config, arguments.descriptors, arguments.out, threads, comm), comm);
  return ExitCode::done;
}

}  // namespace

Command add_cluster(CLI::App& program) {
  CLI::App* parser = program.add_subcommand(
      "cluster", "k-means over descriptors: of a run, or of any HDF5 matrix; on any number of ranks");
  auto arguments = std::make_shared<Arguments>();
  arguments->add_run_to(*parser);
  arguments->add_options_to(*parser);
  parser->add_option("--config", arguments->config, "Settings for plain files")->type_name("FILE");
  auto* descriptors = parser->add_option("--descriptors", arguments->descriptors,
                                         "Matrix: rows of one or more FILE.h5[:/dataset] (default /descriptor), or of "
                                         "all *.h5, *.hdf5 in a folder DIR[:/dataset]");
  auto* assign = parser->add_option("--assign", arguments->assign,
                                    "Matrix to assign to given centroids, no iteration: files or a folder, as above");
  auto* centroids = parser->add_option("--centroids", arguments->centroids, "FILE.h5:/k027/centroids, for --assign");
  auto* k = parser->add_option_function<std::string>(
      "--k", [arguments](const std::string& list) { arguments->set("cluster.k", "[" + list + "]"); },
      "Numbers of clusters: 27 or 27,31,35 (cluster.k)");
  parser->add_option_function<std::string>(
      "--init",
      [arguments](const std::string& file) {
        arguments->set("cluster.init", "file");
        arguments->set_path("cluster.centroids", file);
      },
      "Initial centroids: FILE.h5:/centroids (cluster.init: file)");
  auto* out = parser->add_option("--out", arguments->out, "HDF5 file to write");
  descriptors->needs(out)->needs(k)->excludes(assign);
  assign->needs(out)->needs(centroids);
  centroids->needs(assign);
  return {parser, [arguments](Communicator& comm) {
            if (!arguments->descriptors.empty() || !arguments->assign.empty()) return cluster_files(*arguments, comm);
            require_config(*arguments, "cluster", "--descriptors FILE --k K --out FILE");
            return run_stage(arguments->load(comm), Stage::cluster, arguments->options, comm);
          }};
}

}  // namespace datus::jobs
