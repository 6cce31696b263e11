// SPDX-License-Identifier: Apache-2.0
#include "pipeline/stages/cluster/grouped_fit.hpp"

#include "datus/algo/kmeans_groups.hpp"
#include "datus/core/error.hpp"
#include "datus/core/log.hpp"
#include "pipeline/session/progress.hpp"
#include "pipeline/stages/cluster/group_choice.hpp"
#include "pipeline/stages/cluster/memory_budget.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace datus {
namespace {

/// K of the pairs with these places.
std::vector<int> named(const std::vector<int>& clusters, std::span<const std::size_t> places) {
  std::vector<int> of_places;
  for (const std::size_t place : places) of_places.push_back(clusters[place]);
  return of_places;
}

/// K of each pair, done or not.
std::vector<int> all_clusters(const KMeansOptions& options) {
  std::vector<int> clusters;
  for (const int k : options.clusters) clusters.insert(clusters.end(), static_cast<std::size_t>(options.restarts), k);
  return clusters;
}

/// What the groups' states take on each rank when they are brought together.
std::int64_t bytes_of_meetings(const KMeansOptions& options, int dim) {
  // f64, centroids and the ones before: the group's own as a message, those of all ranks twice, and as states.
  constexpr std::int64_t copies = 2 * 4 * std::int64_t{sizeof(double)};
  std::int64_t clusters = 0;
  for (const int k : all_clusters(options)) clusters += k;
  return clusters * dim * copies;
}

/// Whether the rows of all ranks find room in `groups` groups without being read again in each pass.
bool fits(const DescriptorRows& data, const KMeansOptions& options, const GroupProblem& problem, std::int64_t room,
          int groups) {
  const int dim = data.rows->dim();
  const std::int64_t bytes_per_row =
      dim * (data.sources->value_bytes() + (data.sources->is_precise ? std::int64_t{sizeof(float)} : 0));
  const auto places = pairs_of_groups(problem.clusters, problem.ranks, groups);
  const std::vector<int> all = all_clusters(options);
  for (int group = 0; group < groups; ++group) {
    const auto of_group = with_pairs_alone(options, named(all, places[static_cast<std::size_t>(group)]));
    const std::int64_t rows = data.total() / ranks_of_group(group, problem.ranks, groups) + 1;
    const std::int64_t needed = rows * (bytes_per_row + kmeans_bytes_per_row(of_group)) +
                                kmeans_bytes_of_centroids(of_group, dim) + bytes_of_meetings(options, dim);
    if (needed > room) return false;
  }
  return true;
}

/// COLLECTIVE.
GroupChoice choose(const DescriptorRows& data, const ClusterConfig& config, const KMeansOptions& options, bool on_gpus,
                   GroupProblem problem, Communicator& comm) {
  problem.ranks_per_node = largest_of_ranks(comm, std::int64_t{comm.local_size()});
  // Ranks with fewer threads than others would keep these waiting.
  problem.threads = -largest_of_ranks(comm, -std::int64_t{options.threads});
  problem.on_gpus = on_gpus;
  if (config.groups) return asked_groups(problem, *config.groups);
  const std::int64_t room = room_on_every_rank(config.memory, comm);
  return choose_groups(problem, [&](int groups) { return fits(data, options, problem, room, groups); });
}

/// COLLECTIVE. What all ranks of a group fail at, when others may not, becomes an error of all ranks.
template <class Body>
void in_all_groups(Communicator& all, const Body& body) {
  std::optional<AgreedError> failure;
  try {
    body();
  } catch (const AgreedError& error) {
    failure = error;
  }
  collectively(all, [&] {
    if (failure) throw AgreedError(*failure);
  });
}

}  // namespace

std::optional<KMeansState> fit_in_groups(const DescriptorRows& data, const ClusterConfig& config,
                                         const KMeansOptions& options, std::span<const double> given,
                                         const ClusterGpu& gpu, Communicator& comm) {
  const GroupProblem problem = group_problem(options, data.total(), data.rows->dim(), comm.size());
  const auto open = std::ranges::count_if(problem.clusters, [](int k) { return k > 0; });
  if (comm.size() == 1 || open < 2) return std::nullopt;
  const GroupChoice choice = choose(data, config, options, gpu.get() != nullptr, problem, comm);
  if (comm.rank() == 0) log::info("k-means: " + choice.why);
  if (choice.groups == 1) return std::nullopt;
  const KMeansGroup group = split_for_kmeans(comm, choice.groups);
  const auto places =
      pairs_of_groups(problem.clusters, problem.ranks, choice.groups)[static_cast<std::size_t>(group.index)];
  std::unique_ptr<KMeansRows> rows;
  std::optional<ClusterGpu> of_group;
  in_all_groups(comm, [&] {
    const Progress progress("reading the descriptors for each group of ranks", 0, comm.rank() != 0);
    rows = data.held_by(with_pairs_alone(options, named(all_clusters(options), places)),
                        bytes_of_meetings(options, data.rows->dim()), *group.ranks);
    of_group.emplace(gpu, *group.ranks);
  });
  KMeansOptions grouped = options;
  grouped.gpu = of_group->get();
  return kmeans_in_groups(*rows, grouped, given, group, comm);
}

}  // namespace datus
