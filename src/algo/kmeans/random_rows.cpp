// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/draw.hpp"
#include "algo/kmeans/init.hpp"
#include "algo/kmeans/random.hpp"

namespace datus::clustering {

void choose_random_rows(const Context& context, std::uint64_t seed, const std::vector<KMeansPair*>& pairs) {
  for (KMeansPair* pair : pairs) {
    const DrawKey key = kmeans_key(KMeansPurpose::random_rows, seed, pair->restart, pair->clusters);
    pair->centroids = fetch_rows(context, draw_rows(context, key, static_cast<std::size_t>(pair->clusters)));
    pair->phase = KMeansPhase::iterating;
  }
}

}  // namespace datus::clustering
