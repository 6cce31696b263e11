// SPDX-License-Identifier: Apache-2.0
#include "pipeline/stages/cluster/cluster_news.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace datus {
namespace cluster_news_test {

KMeansPair pair_of(int clusters, int restart, KMeansPhase phase, const std::vector<double>& inertia) {
  KMeansPair pair;
  pair.clusters = clusters;
  pair.restart = restart;
  pair.phase = phase;
  pair.inertia = inertia;
  return pair;
}

TEST(ClusterNews, SaysHowFarEachValueOfKIs) {
  KMeansState state;
  EXPECT_EQ(cluster_news(1, state), "1 pass");
  state.pairs = {pair_of(20, 0, KMeansPhase::iterating, {200, 100, 99}), pair_of(27, 0, KMeansPhase::done, {9, 8}),
                 pair_of(30, 0, KMeansPhase::seeding, {}), pair_of(40, 0, KMeansPhase::iterating, {5})};
  EXPECT_EQ(cluster_news(12, state),
            "12 passes, K = 20: 3 iterations, the last lowered the inertia by 1 %, K = 27: done after 2 iterations, "
            "K = 30: first centroids, K = 40: 1 iteration");
}

TEST(ClusterNews, IsOfTheStartAtWork) {
  KMeansState state;
  state.pairs = {pair_of(20, 0, KMeansPhase::done, {4, 2}), pair_of(20, 1, KMeansPhase::iterating, {0, 0}),
                 pair_of(20, 2, KMeansPhase::seeding, {})};
  ClusterNews news;
  news.pass_begins();
  EXPECT_EQ(news.text(), "1 pass");
  news.pass_begins();
  news.tell(state);
  EXPECT_EQ(news.text(), "2 passes, K = 20 (start 2 of 3): 2 iterations");
}

}  // namespace cluster_news_test
}  // namespace datus
