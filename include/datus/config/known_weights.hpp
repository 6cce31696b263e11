// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>

namespace datus {

/// Weights that have a name of their own in `model.weights` and `datus weights`.
struct KnownWeights {
  std::string name;  ///< "dino-vits8"
  std::string about;
  std::string url;      ///< where the authors publish the file
  std::string licence;  ///< the authors'
  double megabytes;     ///< of 10^6 bytes: what the number of parameters in 32 bits gives
  int input_size;       ///< pixels, what they were trained or evaluated with
};

/// All of them, in the order of `datus weights list`.
[[nodiscard]] std::span<const KnownWeights> known_weights();

/// The weights of that name.
[[nodiscard]] std::optional<KnownWeights> find_known_weights(const std::string& name);

/// The folder for weights: $DATUS_CACHE/weights, or that of $XDG_CACHE_HOME/datus or ~/.cache/datus. Throws
/// `UsageError` when none of the variables nor HOME is set.
[[nodiscard]] std::filesystem::path weights_folder();

/// Where the file of these weights is, or will be.
[[nodiscard]] std::filesystem::path weights_file(const KnownWeights& weights);

}  // namespace datus
