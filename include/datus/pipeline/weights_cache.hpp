// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/config/known_weights.hpp"

#include <filesystem>
#include <string>

namespace datus {

/// The weights of that name; throws `UsageError` with the names that there are.
[[nodiscard]] KnownWeights known_weights_of(const std::string& name);

/// Where they are fetched from: the authors' address, or the same path below $DATUS_WEIGHTS_MIRROR.
[[nodiscard]] std::string weights_address(const KnownWeights& weights);

/// The file of these weights, verified. Its SHA-256 is recorded beside it, in FILE.sha256, when it is first seen, and
/// compared from then on; a record that somebody brings is compared too. Throws `InputError` when the file is missing
/// or has changed.
std::filesystem::path verified_weights(const KnownWeights& weights);

/// Fetches what is not there yet, with a bar on a terminal, and returns `verified_weights`. Throws what `download`
/// does; a size 10 % off the one expected is an error. A signal stops it; the next call goes on.
std::filesystem::path fetch_weights(const KnownWeights& weights);

}  // namespace datus
