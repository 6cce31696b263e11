// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/comm/communicator.hpp"
#include "pipeline/session/run_context.hpp"
#include "pipeline/shards/shard_work.hpp"

#include <functional>

namespace datus {

/// What is to be decided about the size of batches.
struct BatchQuestion {
  int batch_size = 1;       ///< wanted
  bool was_halved = false;  ///< it is half of what the settings say, as an earlier start of the run found
  bool has_files = false;   ///< the run has files that were made in batches of this size
};

/// COLLECTIVE. The size of batches for all ranks: what is wanted, or half of it where `try_batch` throws
/// `DeviceMemoryError` on some rank; then `use_half` is called on every rank before the half is tried. Once is enough:
/// throws `AgreedError` when half of it does not fit either, and when it must not change any more. What else
/// `try_batch` throws is passed on, on its rank alone.
[[nodiscard]] int agree_on_batch_size(const BatchQuestion& question, const std::function<void()>& try_batch,
                                      const std::function<void(int size)>& use_half, Communicator& comm);

/// COLLECTIVE. Runs two batches of what the stages will run on GPUs, with the memory that they have there beside,
/// before any result depends on its size, and decides as `agree_on_batch_size`. The models and what makes graphs keep
/// their memory for the run. Where batches are halved the run keeps
/// that: its record is written anew. Without GPUs nothing is done.
void freeze_batch_size(RunContext& run, Models& models);

}  // namespace datus
