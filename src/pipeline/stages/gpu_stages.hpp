// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/config/config.hpp"

namespace datus {

/// Whether a stage has work for a GPU, where there is one: with these settings it does not do all of it on the
/// processor. What is planned for a stage (`datus plan`) and what site files give to its jobs follow from this.
[[nodiscard]] bool uses_gpu(Stage stage, const Config& config);

}  // namespace datus
