// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/louvain.hpp"

#include "datus/algo/affinity.hpp"
#include "datus/algo/segments.hpp"
#include "datus/core/error.hpp"
#include "datus/core/half.hpp"
#include "support/golden.hpp"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace datus {
namespace louvain_test {

__extension__ typedef __int128 Wide;
using Matrix = std::vector<std::vector<std::int64_t>>;

std::vector<float> golden_keys(const test::GoldenTensor& tensor) {
  const auto stored = tensor.as<half>();
  std::vector<float> keys(stored.size());
  to_float(stored, keys);
  return keys;
}

/// Rows of bits, most significant first, as NumPy packs them.
std::vector<std::uint8_t> packed_rows(const BitGraph& graph) {
  const auto row_bytes = static_cast<std::size_t>((graph.nodes() + 7) / 8);
  std::vector<std::uint8_t> bytes(row_bytes * static_cast<std::size_t>(graph.nodes()));
  for (int i = 0; i < graph.nodes(); ++i) {
    for (int j = 0; j < graph.nodes(); ++j) {
      if (!graph.has_edge(i, j)) continue;
      bytes[static_cast<std::size_t>(i) * row_bytes + static_cast<std::size_t>(j / 8)] |=
          static_cast<std::uint8_t>(0x80U >> static_cast<unsigned>(j % 8));
    }
  }
  return bytes;
}

class GoldenLouvain : public testing::TestWithParam<SimdPath> {};

TEST_P(GoldenLouvain, FromKeysToSegments) {
  std::cout << "path: " << name(GetParam()) << "\n";
  const auto cases = test::read_json("golden/louvain/cases.json").at("cases");
  EXPECT_EQ(cases.size(), 24U);
  for (const auto& entry : cases) {
    SCOPED_TRACE(entry["name"].get<std::string>());
    const auto tensors = test::read_golden("golden/louvain/" + entry["file"].get<std::string>());
    const GridSize grid{entry["height"], entry["width"]};
    const BitGraph graph =
        build_bit_graph(golden_keys(tensors.at("keys")), grid.patches(), entry["dim"], {}, {}, GetParam());
    if (tensors.contains("adjacency_bits")) {  // all but the largest graphs
      EXPECT_EQ(packed_rows(graph), tensors.at("adjacency_bits").as<std::uint8_t>());
    }
    EXPECT_EQ(graph.total(), entry["edge_count_directed"].get<std::int64_t>());
    const Partition partition = louvain(graph, {}, GetParam());
    EXPECT_EQ(partition.labels, tensors.at("labels").as<std::int32_t>());
    EXPECT_EQ(partition.communities, entry["communities"].get<int>());
    if (entry["modularity"].is_number()) {
      EXPECT_NEAR(partition.modularity, entry["modularity"].get<double>(), 1e-9);
    }
    EXPECT_EQ(find_segments(partition.labels, grid, 5).segment, tensors.at("segments").as<std::int16_t>());
  }
}

INSTANTIATE_TEST_SUITE_P(Paths, GoldenLouvain, testing::ValuesIn(supported_simd_paths()),
                         [](const auto& path) { return std::string(name(path.param)); });

/// One level of the method, written down without any thought of speed. The resolution is p / 2^16.
class SlowLevel {
 public:
  SlowLevel(Matrix weights, std::int64_t p) : weights_(std::move(weights)), p_(p), label_(weights_.size()) {
    std::iota(label_.begin(), label_.end(), std::size_t{0});
    for (const auto& row : weights_) total_ += std::accumulate(row.begin(), row.end(), std::int64_t{0});
  }

  /// Gain in modularity of all passes.
  double run(double tolerance) {
    double sum = 0.0;
    double pass = 0.0;
    do {
      Wide gain = 0;
      for (std::size_t node = 0; node < label_.size(); ++node) gain += move(node);
      const auto total = static_cast<double>(total_);
      pass = 2.0 * static_cast<double>(gain) / (65536.0 * total * total);
      sum += pass;
    } while (pass > tolerance);
    return sum;
  }

  [[nodiscard]] const std::vector<std::size_t>& label() const { return label_; }

 private:
  std::int64_t degree(std::size_t node) const {
    return std::accumulate(weights_[node].begin(), weights_[node].end(), std::int64_t{0});
  }

  std::int64_t links(std::size_t node, std::size_t community) const {
    std::int64_t sum = 0;
    for (std::size_t j = 0; j < label_.size(); ++j) sum += label_[j] == community && j != node ? weights_[node][j] : 0;
    return sum;
  }

  /// 2^16 W^2 / 2 times the modularity that the node adds to a community that it is not in.
  Wide score(std::size_t node, std::size_t community) const {
    std::int64_t volume = 0;
    for (std::size_t j = 0; j < label_.size(); ++j) volume += label_[j] == community && j != node ? degree(j) : 0;
    return Wide{65536} * total_ * links(node, community) - Wide{p_} * degree(node) * volume;
  }

  Wide move(std::size_t node) {
    const Wide stay = score(node, label_[node]);
    Wide best = stay;
    std::size_t target = label_[node];
    for (std::size_t community = 0; community < label_.size(); ++community) {
      if (community == label_[node] || links(node, community) == 0) continue;
      const Wide candidate = score(node, community);
      if (candidate <= best) continue;
      best = candidate;
      target = community;
    }
    label_[node] = target;
    return best - stay;
  }

  Matrix weights_;
  std::int64_t p_;
  std::vector<std::size_t> label_;
  std::int64_t total_ = 0;
};

/// Labels by the order of first appearance: the same partition gives the same labels.
std::vector<std::int32_t> by_first_appearance(const std::vector<std::size_t>& labels) {
  std::vector<std::size_t> seen;
  std::vector<std::int32_t> result;
  for (const std::size_t label : labels) {
    const auto found = std::find(seen.begin(), seen.end(), label);
    result.push_back(static_cast<std::int32_t>(found - seen.begin()));
    if (found == seen.end()) seen.push_back(label);
  }
  return result;
}

std::vector<std::int32_t> by_first_appearance(const std::vector<std::int32_t>& labels) {
  return by_first_appearance(std::vector<std::size_t>(labels.begin(), labels.end()));
}

std::vector<std::int32_t> slow_louvain(Matrix weights, const LouvainOptions& options) {
  const auto p = static_cast<std::int64_t>(std::llrint(options.resolution * 65536.0));
  std::vector<std::size_t> membership(weights.size());
  std::iota(membership.begin(), membership.end(), std::size_t{0});
  while (true) {
    SlowLevel level(weights, p);
    if (!(level.run(options.tolerance_optimization) > options.tolerance_aggregation)) break;
    std::vector<std::size_t> used = level.label();
    std::sort(used.begin(), used.end());
    used.erase(std::unique(used.begin(), used.end()), used.end());
    const auto number = [&](std::size_t node) {
      return static_cast<std::size_t>(std::lower_bound(used.begin(), used.end(), level.label()[node]) - used.begin());
    };
    Matrix merged(used.size(), std::vector<std::int64_t>(used.size(), 0));
    for (std::size_t i = 0; i < weights.size(); ++i) {
      for (std::size_t j = 0; j < weights.size(); ++j) merged[number(i)][number(j)] += weights[i][j];
    }
    for (std::size_t& node : membership) node = number(node);
    weights = merged;
  }
  return by_first_appearance(membership);
}

/// A random graph with a few planted groups; weights from 1 to `largest`.
Matrix random_matrix(std::mt19937& generator, std::int64_t largest) {
  const std::size_t nodes = 1 + generator() % 45;
  const std::size_t groups = 1 + generator() % 5;
  const auto inner = generator() % 100;
  const auto outer = generator() % 60;
  Matrix weights(nodes, std::vector<std::int64_t>(nodes, 0));
  for (std::size_t i = 0; i < nodes; ++i) {
    for (std::size_t j = i; j < nodes; ++j) {
      if (generator() % 100 >= (i % groups == j % groups ? inner : outer)) continue;
      weights[i][j] = weights[j][i] = 1 + static_cast<std::int64_t>(generator()) % largest;
    }
  }
  return weights;
}

WeightedGraph weighted_graph(const Matrix& weights) {
  WeightedGraph graph(static_cast<int>(weights.size()));
  for (int i = 0; i < graph.nodes(); ++i) {
    for (int j = 0; j <= i; ++j) {
      graph.set_weight(i, j,
                       static_cast<std::uint16_t>(weights[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)]));
    }
  }
  return graph;
}

BitGraph bit_graph(const Matrix& weights) {
  BitGraph graph(static_cast<int>(weights.size()));
  for (int i = 0; i < graph.nodes(); ++i) {
    for (int j = 0; j <= i; ++j) {
      if (weights[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)] != 0) graph.add_edge(i, j);
    }
  }
  return graph;
}

double modularity_of(const Matrix& weights, const std::vector<std::int32_t>& labels, double resolution) {
  const std::size_t nodes = weights.size();
  std::vector<double> degree(nodes, 0.0);
  for (std::size_t i = 0; i < nodes; ++i) {
    degree[i] = static_cast<double>(std::accumulate(weights[i].begin(), weights[i].end(), std::int64_t{0}));
  }
  const double total = std::accumulate(degree.begin(), degree.end(), 0.0);
  double sum = 0.0;
  for (std::size_t i = 0; i < nodes && total > 0.0; ++i) {
    for (std::size_t j = 0; j < nodes; ++j) {
      if (labels[i] != labels[j]) continue;
      sum += static_cast<double>(weights[i][j]) / total - resolution * degree[i] * degree[j] / (total * total);
    }
  }
  return sum;
}

void expect_canonical(const Partition& partition) {
  std::vector<int> size(static_cast<std::size_t>(partition.communities), 0);
  std::vector<std::size_t> first(size.size(), std::numeric_limits<std::size_t>::max());
  for (std::size_t i = 0; i < partition.labels.size(); ++i) {
    const auto label = static_cast<std::size_t>(partition.labels[i]);
    ASSERT_LT(label, size.size());
    ++size[label];
    first[label] = std::min(first[label], i);
  }
  for (std::size_t c = 0; c < size.size(); ++c) {
    ASSERT_GT(size[c], 0);
    if (c == 0) continue;
    EXPECT_TRUE(size[c - 1] > size[c] || (size[c - 1] == size[c] && first[c - 1] < first[c]));
  }
}

const LouvainOptions option_sets[] = {{},
                                      {.resolution = 0.37},
                                      {.resolution = 1.6, .tolerance_aggregation = 0.0},
                                      {.resolution = 3.0},
                                      {.tolerance_optimization = 0.0, .tolerance_aggregation = 0.0}};

TEST(Louvain, RandomBitGraphsEqualSlowReference) {
  std::mt19937 generator(17);
  for (int round = 0; round < 300; ++round) {
    const Matrix weights = random_matrix(generator, 1);
    const LouvainOptions& options = option_sets[static_cast<std::size_t>(round) % std::size(option_sets)];
    SCOPED_TRACE(round);
    const auto expected = slow_louvain(weights, options);
    const Partition from_weights = louvain(weighted_graph(weights), options);
    EXPECT_EQ(by_first_appearance(from_weights.labels), expected);
    const double resolution = std::round(options.resolution * 65536.0) / 65536.0;
    EXPECT_NEAR(from_weights.modularity, modularity_of(weights, from_weights.labels, resolution), 1e-12);
    expect_canonical(from_weights);
    for (const SimdPath path : supported_simd_paths()) {
      const Partition partition = louvain(bit_graph(weights), options, path);
      EXPECT_EQ(partition.labels, from_weights.labels) << name(path);
      EXPECT_EQ(partition.communities, from_weights.communities);
      EXPECT_EQ(partition.modularity, from_weights.modularity);
    }
  }
}

// Sixteen-bit weights with a resolution of many bits: the scores need 128 bits.
TEST(Louvain, RandomWeightedGraphsEqualSlowReference) {
  std::mt19937 generator(18);
  for (int round = 0; round < 300; ++round) {
    const Matrix weights = random_matrix(generator, round % 2 == 0 ? 3 : 65535);
    const LouvainOptions& options = option_sets[static_cast<std::size_t>(round) % std::size(option_sets)];
    SCOPED_TRACE(round);
    const Partition partition = louvain(weighted_graph(weights), options);
    EXPECT_EQ(by_first_appearance(partition.labels), slow_louvain(weights, options));
    const double resolution = std::round(options.resolution * 65536.0) / 65536.0;
    EXPECT_NEAR(partition.modularity, modularity_of(weights, partition.labels, resolution), 1e-12);
    expect_canonical(partition);
  }
}

// Large enough that the first level goes through all its modes, on dense and sparse graphs.
TEST(Louvain, LargerBitGraphsEqualUnitWeights) {
  std::mt19937 generator(19);
  for (const unsigned per_mille : {3U, 30U, 300U, 700U}) {
    const int nodes = 700;
    BitGraph bits(nodes);
    WeightedGraph weights(nodes);
    for (int i = 0; i < nodes; ++i) {
      for (int j = 0; j <= i; ++j) {
        if (generator() % 1000 >= (i % 7 == j % 7 ? per_mille + 100 : per_mille)) continue;
        bits.add_edge(i, j);
        weights.set_weight(i, j, 1);
      }
    }
    for (const double resolution : {1.0, 1.3}) {
      const Partition expected = louvain(weights, {.resolution = resolution});
      for (const SimdPath path : supported_simd_paths()) {
        const Partition partition = louvain(bits, {.resolution = resolution}, path);
        EXPECT_EQ(partition.labels, expected.labels) << name(path) << " " << per_mille;
        EXPECT_EQ(partition.modularity, expected.modularity);
      }
    }
  }
}

// A complete core and 50 pairs apart, at a resolution for which 64 bits cannot be proved to hold the scores: pairs
// merge, because W > resolution, and the core stays apart.
TEST(Louvain, BitGraphBeyondSixtyFourBits) {
  const int core = 1900;
  BitGraph graph(core + 100);
  for (int i = 0; i < core; ++i) {
    for (int j = 0; j < i; ++j) graph.add_edge(i, j);
  }
  for (int i = core; i < core + 100; i += 2) graph.add_edge(i, i + 1);
  const double resolution = 32767.0 + 0x1p-16;
  const Partition partition =
      louvain(graph, {.resolution = resolution, .tolerance_optimization = 0.0, .tolerance_aggregation = 0.0});
  EXPECT_EQ(partition.communities, core + 50);
  EXPECT_EQ(partition.labels[core], 0);
  EXPECT_EQ(partition.labels[core + 99], 49);
  EXPECT_EQ(partition.labels[0], 50);
}

// Rows and masks of more than 31 full words, beyond what a byte can count.
TEST(Louvain, TwoLargeCliques) {
  const int half_of_all = 2200;
  BitGraph graph(2 * half_of_all);
  for (int i = 0; i < 2 * half_of_all; ++i) {
    for (int j = i < half_of_all ? 0 : half_of_all; j <= i; ++j) graph.add_edge(i, j);
  }
  for (const SimdPath path : supported_simd_paths()) {
    const Partition partition = louvain(graph, {}, path);
    EXPECT_EQ(partition.communities, 2);
    EXPECT_EQ(std::count(partition.labels.begin(), partition.labels.begin() + half_of_all, 0), half_of_all);
    EXPECT_EQ(partition.modularity, 0.5) << name(path);
  }
}

TEST(Louvain, WithoutAnythingToGainEveryNodeIsAlone) {
  const int nodes = 100;
  std::vector<std::int32_t> alone(nodes);
  std::iota(alone.begin(), alone.end(), 0);
  BitGraph complete(nodes);
  BitGraph loops(nodes);
  for (int i = 0; i < nodes; ++i) {
    loops.add_edge(i, i);
    for (int j = 0; j <= i; ++j) complete.add_edge(i, j);
  }
  for (const SimdPath path : supported_simd_paths()) {
    EXPECT_EQ(louvain(BitGraph(nodes), {}, path).labels, alone);
    EXPECT_EQ(louvain(BitGraph(nodes), {}, path).modularity, 0.0);
    EXPECT_EQ(louvain(complete, {}, path).labels, alone);
    EXPECT_EQ(louvain(loops, {}, path).labels, alone);
    EXPECT_DOUBLE_EQ(louvain(loops, {}, path).modularity, 0.99);
  }
  EXPECT_EQ(louvain(WeightedGraph(nodes)).labels, alone);
}

TEST(Louvain, RefusesWhatCannotBeMeant) {
  const BitGraph graph(3);
  for (const double resolution : {0.0, -1.0, 40000.0, std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_THROW(static_cast<void>(louvain(graph, {.resolution = resolution})), UsageError);
  }
  EXPECT_THROW(static_cast<void>(louvain(graph, {.tolerance_optimization = -1.0})), UsageError);
  EXPECT_THROW(static_cast<void>(louvain(WeightedGraph(3), {.tolerance_aggregation = -1.0})), UsageError);
}

}  // namespace louvain_test
}  // namespace datus
