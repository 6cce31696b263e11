// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/codec.hpp"
#include "datus/core/dataset_type.hpp"

namespace datus {

/// A plain type of data set, the name of a description, or the path of one, with a `/` or `.` in it; hashed with the
/// content of the description.
[[nodiscard]] CodecOf<DatasetType> dataset_type();

}  // namespace datus
