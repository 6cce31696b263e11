// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/comm/communicator.hpp"
#include "datus/config/config.hpp"
#include "datus/core/error.hpp"

#include <array>
#include <filesystem>
#include <iosfwd>
#include <optional>
#include <vector>

namespace datus {

/// What `datus compare` is asked for.
struct CompareRequest {
  std::array<std::filesystem::path, 2> runs;
  /// Of both, or one for each; empty: the first of the first run that both have.
  std::vector<int> k = {};
  EvaluateConfig::Protocol protocol = EvaluateConfig::Protocol::strict;
  /// A file .csv, .md or .html, or a folder that gets all three; empty: nothing is written.
  std::optional<std::filesystem::path> out = {};
  int max_images = 100;  ///< with pictures on the page
};

/// `datus compare`: two finished runs side by side, over the images that both have, joined by name. Prints scores per
/// class, the images that gained and lost most, and how much the masks agree. Where neither data set has ground truth,
/// only how much they agree. Changes nothing in the runs and takes no lock; masks are read twice at most, one image on
/// each thread. COLLECTIVE, for one rank. Throws `UsageError` for values of K, protocols and outputs that cannot be,
/// `InputError` for runs without an image in common, and for masks that are missing or damaged.
ExitCode compare_runs(const CompareRequest& request, std::ostream& out, Communicator& comm);

}  // namespace datus
