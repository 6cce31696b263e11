#pragma once

#include "datus/pipeline/run_context.hpp"
#include "pipeline/shard_work.hpp"

namespace datus {

/// COLLECTIVE. Runs one batch of what the stages will run on GPUs, before any result depends on its size. Where it does
/// not fit the memory of a rank's GPU, all ranks halve it, once; the run keeps that size: its record is written anew.
/// Without GPUs nothing is done. Throws `AgreedError` when half of it does not fit either, or when the run has files
/// already, which were made in batches of the whole size.
void freeze_batch_size(RunContext& run, Models& models);

}  // namespace datus
