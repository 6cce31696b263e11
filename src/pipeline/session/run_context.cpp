// SPDX-License-Identifier: Apache-2.0
#include "pipeline/session/run_context.hpp"

#include "datus/core/error.hpp"
#include "datus/io/atomic_file.hpp"
#include "pipeline/files/config_file.hpp"
#include "pipeline/inputs/load_images.hpp"
#include "pipeline/inputs/options_of_config.hpp"

#include <cstdint>
#include <span>
#include <utility>

namespace datus {

WriteOptions writing_as(const JobIdentity& job, int rank, const RunLock* lock) {
  return {.tag = job.launch() + "-r" + std::to_string(rank), .before_rename = [lock] {
            if (lock != nullptr) lock->require_held();
          }};
}

Orientation RunContext::orientation() const {
  return orientation_of(config.dataset);
}

std::string RunContext::images_description() const {
  std::string text = std::to_string(list.size()) + " images";
  if (config.dataset.split) text += ", split " + *config.dataset.split;
  return text + ", list " + list.hash().hex().substr(0, 12);
}

WriteOptions RunContext::writing() const {
  return writing_as(job, comm.rank(), lock.get());
}

void RunContext::require_held() const {
  if (lock) lock->require_held();
}

void RunContext::require_no_stop(const std::string& next) const {
  if (largest_of_ranks<std::int64_t>(comm, signals->requested() ? 1 : 0) == 0) return;
  throw AgreedError(ExitCode::interrupted, "The run was interrupted before " + next, "a signal asked for a stop",
                    "Start it again: it goes on where it stopped.");
}

void RunContext::use_batches_of(int size) {
  placement.batch_size = size;
  RunInputs inputs = provenance.inputs();
  inputs.backend = with_halved_batches(inputs.backend, size);
  on_root(comm, [&] { write_text_atomically(directory.config(), config_file_text(config, inputs), writing()); });
  provenance = Provenance(config, std::move(inputs));
}

void RunContext::use_key_mean(KeyMean mean) {
  RunInputs inputs = provenance.inputs();
  inputs.dataset_mean = mean.hash();
  provenance = Provenance(config, std::move(inputs));
  key_mean = std::move(mean);
}

}  // namespace datus
