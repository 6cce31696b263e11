// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/model/weights.hpp"
#include "model/weights/pickle.hpp"
#include "model/weights/storage_source.hpp"

#include <string>
#include <vector>

namespace datus {

/// All tensors that a checkpoint's pickle holds in dictionaries, under string or integer keys;
/// everything else in it is passed over. Throws `InputError` naming `source` when there are none or
/// when one does not fit its storage.
[[nodiscard]] std::vector<WeightTensor> collect_tensors(const Pickle& pickle, StorageSource& storages,
                                                        const std::string& source);

}  // namespace datus
