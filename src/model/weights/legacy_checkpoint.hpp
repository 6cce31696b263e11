// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/model/weights.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace datus {

/// Whether the bytes begin as torch.save began its files before version 1.6.
[[nodiscard]] bool looks_like_legacy_checkpoint(std::span<const std::byte> bytes) noexcept;

/// Reads a checkpoint as torch.save wrote it before version 1.6 (PyTorch's `_legacy_save`): pickles
/// of a magic number, the version of the format, facts about the system, the checkpoint itself and a
/// list of storage keys; then the storages in that order, each as a count (int64) and its elements.
/// Otherwise as `read_checkpoint`. The format has no checksums: damaged values are found only when
/// they are not finite.
[[nodiscard]] std::vector<WeightTensor> read_legacy_checkpoint(std::span<const std::byte> bytes,
                                                               const std::string& source);

}  // namespace datus
