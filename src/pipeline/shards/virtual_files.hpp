// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/comm/communicator.hpp"
#include "datus/io/atomic_file.hpp"
#include "datus/pipeline/run_directory.hpp"
#include "pipeline/files/provenance.hpp"
#include "pipeline/session/run_context.hpp"

#include <cstdint>

namespace datus {

/// COLLECTIVE. RUN/keys.h5, segments.h5 and descriptors.h5: the shards of a stage as one virtual file each, for outside
/// readers (h5py); datus reads the shards themselves. Written by rank 0 for each stage all of whose shards are there
/// and of this run (keys: only when they are kept), left alone when the bytes would be the same; removed otherwise. An
/// existing file is never opened with HDF5, which does not survive every damage to one; its bytes are compared.
/// Only /offset [n+1] of segments is stored: that of the whole run, made from those of the shards.
/// Throws `AgreedError` naming the file that cannot be read or written.
void write_virtual_files(const RunContext& run);

/// What the function above takes from a run.
struct ShardedRun {
  const RunDirectory& directory;
  const Provenance& provenance;
  std::int64_t shards = 0;
  const StorageConfig& storage;
};

/// COLLECTIVE. The same, without a `RunContext`.
void write_virtual_files(const ShardedRun& run, const WriteOptions& options, Communicator& comm);

}  // namespace datus
