// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/model/weights.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace datus {

/// Reads a checkpoint as torch.save writes it since version 1.6: a zip archive with a pickle and
/// one entry per storage. Dictionaries may be nested; all tensors under string or integer keys are
/// returned, everything else in the pickle (arguments, optimizer settings, objects of any class) is
/// passed over and never executed. Offsets, strides and shared storages are honoured. The tensors
/// refer to `bytes`; `release` is told what was read to check it. Throws `InputError` naming `source`
/// and the reason.
[[nodiscard]] std::vector<WeightTensor> read_checkpoint(std::span<const std::byte> bytes, const std::string& source,
                                                        const ReleaseBytes& release = {});

}  // namespace datus
