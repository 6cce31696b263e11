// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/comm/communicator.hpp"
#include "datus/io/dataset.hpp"
#include "pipeline/files/image_list.hpp"

#include <cstdint>

namespace datus {

/// Files of ground truth that `check_truth` decodes at most.
inline constexpr std::int64_t truth_sample = 32;

/// COLLECTIVE. Finds before any work what evaluation would stumble over after it: the header of every file of ground
/// truth must be one of its kind, with the size of its image, and a sample, evenly chosen, is decoded. Says which
/// images have ground truth and which classes the sample has; warns where scores would say little (`truth_warning`).
/// Nothing without ground truth. Returns how many classes there are at least: by their names or, without, by the
/// largest of the sample. Throws `AgreedError` naming a file, and how many others cannot be used.
int check_truth(const Dataset& dataset, const ImageList& list, int void_value, int threads, Communicator& comm);

}  // namespace datus
