// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/pipeline/run_directory.hpp"

#include <ostream>

namespace datus {

/// What people want to know of a run first: state, images, stages done, values of K, scores, weights, version, files.
/// Reads no results; what is missing or damaged is said in its line.
void print_run_overview(const RunDirectory& directory, std::ostream& out);

}  // namespace datus
