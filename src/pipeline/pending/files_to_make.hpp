// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/types.hpp"
#include "pipeline/pending/run_size.hpp"
#include "pipeline/pending/stale_files.hpp"
#include "pipeline/session/run_context.hpp"

#include <map>
#include <vector>

namespace datus {

/// What is left to do in a run directory: files that are missing or will be replaced.
struct FilesToMake {
  std::vector<StageSet> shards;                  ///< [shards of the run]
  std::vector<int> clusters;                     ///< values of K
  std::map<int, std::vector<ShardIndex>> masks;  ///< shards, by K
  [[nodiscard]] bool any() const;
};

/// The shards that are known to be stale, and those clusters and masks that are not there, by their names alone: fit
/// for an estimate of bytes, as nothing is read. Not collective.
[[nodiscard]] FilesToMake files_to_make(const RunContext& run, std::vector<StageSet> stale);

/// What a model makes of an image: patches, and the widths of embeddings and descriptors.
struct ModelShape {
  GridSize grid;
  int dim = 0;
  int descriptor_dim = 0;
};

/// What the run directory will hold once these files are made: what is there (`present`) stays as large as it is, and
/// the files to make take their estimate in place of what they replace. So a run that is nearly done asks for the rest
/// only, however high the estimate is; with nothing to make `shape` does not matter. Not collective.
[[nodiscard]] RunSize run_size_after(const RunContext& run, const FilesToMake& todo, const ModelShape& shape,
                                     const RunSize& present);

}  // namespace datus
