// SPDX-License-Identifier: Apache-2.0
#include "pipeline/files/cluster_checkpoint.hpp"

#include "datus/core/error.hpp"
#include "datus/core/log.hpp"
#include "datus/core/names.hpp"
#include "datus/io/atomic_hdf5.hpp"
#include "datus/io/hdf5.hpp"
#include "datus/pipeline/run_directory.hpp"
#include "pipeline/files/dataset_checks.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace datus {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 4> phase_names = {"seeding", "iterating", "assigning", "done"};

KMeansPhase phase_named(const std::string& name, const fs::path& path) {
  for (std::size_t i = 0; i < phase_names.size(); ++i) {
    if (name == phase_names[i]) return static_cast<KMeansPhase>(i);
  }
  throw InputError(path.string() + " is not a checkpoint of this version", "it names a phase '" + name + "'",
                   "Remove it.");
}

/// "/k027/restart000"
std::string group_of(const KMeansPair& pair) {
  return "/" + RunDirectory::cluster_name(pair.clusters) + "/restart" + zero_padded(pair.restart, 3);
}

void write_matrix(Hdf5Writer& writer, const std::string& name, const std::vector<double>& values, int dim) {
  writer.write<double>(name, values, {std::ssize(values) / dim, dim});
}

void write_pair(Hdf5Writer& writer, const std::string& group, const KMeansPair& pair, int dim) {
  writer.group(group);
  write_matrix(writer, group + "/centroids", pair.centroids, dim);
  write_matrix(writer, group + "/previous", pair.previous, dim);
  writer.write<double>(group + "/inertia", pair.inertia, {std::ssize(pair.inertia)});
  const MiniBatchProgress& batches = pair.mini_batch;
  writer.write<std::int64_t>(group + "/weights", batches.weights, {std::ssize(batches.weights)});
  writer.attribute(group, "phase", phase_names[static_cast<std::size_t>(pair.phase)]);
  writer.attribute(group, "clusters", pair.clusters);
  writer.attribute(group, "restart", pair.restart);
  writer.attribute(group, "final_inertia", pair.final_inertia);
  writer.attribute(group, "converged", std::int64_t{pair.converged ? 1 : 0});
  writer.attribute(group, "precise", std::int64_t{pair.precise ? 1 : 0});
  writer.attribute(group, "precise_since", pair.precise_since);
  writer.attribute(group, "repairs", pair.repairs);
  writer.attribute(group, "batches", batches.batches);
  writer.attribute(group, "smoothed_inertia", batches.smoothed);
  writer.attribute(group, "lowest_inertia", batches.lowest);
  writer.attribute(group, "without_improvement", batches.without_improvement);
}

KMeansPair read_pair(const Hdf5Reader& reader, const std::string& group) {
  KMeansPair pair;
  pair.phase = phase_named(reader.attribute<std::string>(group, "phase"), reader.path());
  pair.clusters = int_attribute(reader, group, "clusters", 1);
  pair.restart = int_attribute(reader, group, "restart", 0);
  pair.centroids = reader.read<double>(group + "/centroids");
  pair.previous = reader.read<double>(group + "/previous");
  pair.inertia = reader.read<double>(group + "/inertia");
  pair.final_inertia = reader.attribute<double>(group, "final_inertia");
  pair.converged = reader.attribute<std::int64_t>(group, "converged") != 0;
  pair.precise = reader.attribute<std::int64_t>(group, "precise") != 0;
  pair.precise_since = reader.attribute<std::int64_t>(group, "precise_since");
  pair.repairs = reader.attribute<std::int64_t>(group, "repairs");
  pair.mini_batch = {.weights = reader.read<std::int64_t>(group + "/weights"),
                     .batches = reader.attribute<std::int64_t>(group, "batches"),
                     .smoothed = reader.attribute<double>(group, "smoothed_inertia"),
                     .lowest = reader.attribute<double>(group, "lowest_inertia"),
                     .without_improvement = reader.attribute<std::int64_t>(group, "without_improvement")};
  return pair;
}

KMeansState read_state(const fs::path& path) {
  const Hdf5Reader reader(path);
  if (reader.verify() != VerifyResult::verified) {
    throw InputError(path.string() + " is not complete", "it has no record of what was written", "Remove it.");
  }
  KMeansState state{reader.attribute<std::string>("/", "data"), reader.attribute<std::string>("/", "settings"), {}};
  for (const std::string& group : reader.names("/pairs")) state.pairs.push_back(read_pair(reader, group));
  return state;
}

}  // namespace

ClusterCheckpoint::ClusterCheckpoint(fs::path path, WriteOptions options, Communicator& comm)
    : path_(std::move(path)), options_(std::move(options)), comm_(comm) {
  on_root(comm_, [&] { remove_unfinished(path_); });
}

std::optional<KMeansState> ClusterCheckpoint::read() const {
  // One rank decides whether there is one: folders of a parallel file system may look different for a moment.
  std::int64_t usable = 0;
  on_root(comm_, [&] {
    std::error_code problem;
    if (fs::status(path_, problem).type() == fs::file_type::not_found) return;
    try {
      (void)read_state(path_);
      usable = 1;
    } catch (const Error& error) {
      log::warning(std::string("k-means starts anew, without its checkpoint: ") + error.what());
    }
  });
  if (largest_of_ranks(comm_, usable) == 0) return std::nullopt;
  KMeansState state;
  collectively(comm_, [&] { state = read_state(path_); });
  return state;
}

void ClusterCheckpoint::save(const KMeansState& state, int dim, bool due) const {
  on_root(comm_, [&] {
    if (!due) return;
    AtomicHdf5 file(path_, options_);
    Hdf5Writer& writer = file.writer();
    writer.attribute("/", "data", state.data);
    writer.attribute("/", "settings", state.settings);
    std::vector<std::string> groups;
    for (const KMeansPair& pair : state.pairs) {
      groups.push_back(group_of(pair));
      write_pair(writer, groups.back(), pair, dim);
    }
    writer.write_names("/pairs", groups);
    file.commit();
  });
}

void ClusterCheckpoint::remove() const {
  on_root(comm_, [&] {
    std::error_code problem;
    if (!fs::exists(fs::symlink_status(path_, problem))) return;
    if (options_.before_rename) options_.before_rename();
    fs::remove(path_, problem);
    if (problem) {
      throw SystemError("Cannot remove the checkpoint " + path_.string(), problem.message(), "Remove it by hand.");
    }
  });
}

}  // namespace datus
