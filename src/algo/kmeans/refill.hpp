// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/kmeans/engine.hpp"
#include "algo/kmeans/lloyd.hpp"

#include <span>

namespace datus::clustering {

/// A pair between an iteration's pass and its update.
struct Update {
  WorkingPair* working;
  Found* found;
};

/// COLLECTIVE. Gives clusters without rows the rows that are farthest from their centroids, as `kmeans` defines it, in
/// one more pass over the rows for all pairs: makes new `Found::means`, and counts the pairs' repairs. Each of them
/// must have an empty cluster and be iterating. Those that cannot be refilled are a warning.
void refill_empty(const Context& context, Engine& engine, std::span<const Update> updates);

}  // namespace datus::clustering
