// SPDX-License-Identifier: Apache-2.0
#include "pipeline/session/carried_classes.hpp"

#include "pipeline/files/cluster_classes.hpp"

#include <filesystem>

namespace datus {

std::string carry_classes(const RunContext& run) {
  std::string source;
  if (!run.fitted) return source;
  on_root(run.comm, [&] {
    for (const int k : run.config.cluster.k) {
      auto classes = classes_of_run(run.fitted->directory, k);
      const std::filesystem::path path = run.directory.carried_classes(k);
      if (!classes) {
        run.require_held();
        std::filesystem::remove(path);
        continue;
      }
      source = classes->source += ", of the run on " + run.fitted->description;
      write_carried_classes(path, *classes, run.writing());
    }
  });
  return source;
}

}  // namespace datus
