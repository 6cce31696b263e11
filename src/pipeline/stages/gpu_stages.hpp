// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/config/config.hpp"

namespace datus {

/// Whether a stage has work for a GPU, where there is one: with these settings it does not do all of it on the
/// processor.
[[nodiscard]] bool uses_gpu(Stage stage, const Config& config);

/// Whether a job of this stage alone should ask for one: `uses_gpu`, but not for smoothing alone. Beside that describe
/// and mask read, refine and write, on processors; any processors will do, with the same bits. What `datus plan` and
/// site files give to the jobs of a chain follows from this.
[[nodiscard]] bool asks_for_gpu(Stage stage, const Config& config);

/// Whether embeddings stay on the GPU where the model has left them, for graphs or for smoothing: those of one pass (no
/// model.flip). Where graphs need the mean of all, these come from their files.
[[nodiscard]] bool keeps_keys_on_gpu(const Config& config);

}  // namespace datus
