// SPDX-License-Identifier: Apache-2.0
#include "pipeline/stages/cluster/memory_budget.hpp"

#include "datus/core/error.hpp"
#include "datus/core/text.hpp"
#include "pipeline/stages/cluster/streamed_rows.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <limits>
#include <string_view>

#include <malloc.h>
#include <unistd.h>

namespace datus {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t mebibyte = std::int64_t{1} << 20U;
/// What reading, writing and collectives take besides: conversion of pieces, pieces of labels, tables of the passes.
constexpr std::int64_t overhead = 6 * mebibyte;
/// How far the size of a process may differ from that of its last start: libraries, buffers of MPI.
constexpr std::int64_t difference_between_starts = 4 * mebibyte;

[[noreturn]] void fail_without(const fs::path& file) {
  throw SystemError("Cannot tell how much memory is in use", file.string() + " cannot be read",
                    "Mount /proc, or run elsewhere.");
}

/// The number behind a word that begins a line; nothing where there is none.
std::optional<std::int64_t> number_of(const fs::path& file, std::string_view word) {
  std::ifstream stream(file);
  std::string name;
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with(word)) return std::strtoll(line.c_str() + word.size(), nullptr, 10);
  }
  return std::nullopt;
}

/// A file with one number; nothing for a missing one, and for the word "max".
std::optional<std::int64_t> number_in(const fs::path& file) {
  std::ifstream stream(file);
  std::int64_t value = 0;
  if (stream >> value) return value;
  return std::nullopt;
}

/// The names that version 1 and 2 of control groups have for the same.
struct GroupFiles {
  const char* limit;
  const char* usage;
  std::string_view cached_active;
  std::string_view cached_inactive;
};
constexpr GroupFiles version_1{"memory.limit_in_bytes", "memory.usage_in_bytes", "total_active_file ",
                               "total_inactive_file "};
constexpr GroupFiles version_2{"memory.max", "memory.current", "active_file ", "inactive_file "};

/// What the limits of a group and of those that it is in leave; files that are cached can go.
std::int64_t left_by_groups(const fs::path& mount, const fs::path& group, const GroupFiles& files) {
  std::int64_t left = std::numeric_limits<std::int64_t>::max();
  fs::path folder = mount / group.relative_path();
  while (true) {
    const auto limit = number_in(folder / files.limit);
    const auto usage = number_in(folder / files.usage);
    if (limit && usage) {
      const auto active = number_of(folder / "memory.stat", files.cached_active).value_or(0);
      const auto inactive = number_of(folder / "memory.stat", files.cached_inactive).value_or(0);
      left = std::min(left, *limit - std::max<std::int64_t>(0, *usage - active - inactive));
    }
    if (folder == mount || !folder.has_relative_path()) return left;
    folder = folder.parent_path();
  }
}

/// Over all hierarchies of groups that this process is in. Within a container the path of its group may not be there;
/// then the groups around it are looked at, up to the one that is mounted.
std::int64_t left_by_all_groups(const fs::path& root) {
  std::int64_t left = std::numeric_limits<std::int64_t>::max();
  std::ifstream stream(root / "proc/self/cgroup");
  for (std::string line; std::getline(stream, line);) {
    // NUMBER:CONTROLLERS:/PATH
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const std::string group = line.substr(second + 1);
    if (controllers == ",,") {
      left = std::min(left, left_by_groups(root / "sys/fs/cgroup", group, version_2));
    } else if (controllers.find(",memory,") != std::string::npos) {
      left = std::min(left, left_by_groups(root / "sys/fs/cgroup/memory", group, version_1));
    }
  }
  return left;
}

/// Of cluster.memory, of which `used` bytes are in use, or where there is no limit of what is free.
std::int64_t room_beside(std::int64_t used, std::optional<std::int64_t> limit, const Communicator& comm) {
  return (limit ? *limit - used : available_bytes() / 2 / comm.local_size()) - overhead;
}

/// Whole MiB, rounded up.
std::string whole_mebibytes(std::int64_t bytes) {
  return std::to_string((bytes + mebibyte - 1) / mebibyte) + "MiB";
}

}  // namespace

std::int64_t resident_bytes() {
  const fs::path file = "/proc/self/statm";
  std::ifstream stream(file);
  std::int64_t size = 0;
  std::int64_t resident = 0;
  if (!(stream >> size >> resident)) fail_without(file);
  return resident * ::sysconf(_SC_PAGESIZE);
}

std::int64_t peak_resident_bytes() {
  const fs::path file = "/proc/self/status";
  const auto kibibytes = number_of(file, "VmHWM:");
  if (!kibibytes) fail_without(file);
  return *kibibytes * 1024;
}

void forget_peak_resident_bytes() {
  (void)::malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << "5";
}

std::int64_t available_bytes(const fs::path& root) {
  const fs::path file = root / "proc/meminfo";
  const auto kibibytes = number_of(file, "MemAvailable:");
  if (!kibibytes) fail_without(file);
  return std::clamp<std::int64_t>(left_by_all_groups(root), 0, *kibibytes * 1024);
}

std::int64_t room_on_every_rank(std::optional<std::int64_t> limit, Communicator& comm) {
  std::array<std::int64_t, 1> room{};
  collectively(comm, [&] { room[0] = room_beside(limit ? resident_bytes() : 0, limit, comm); });
  comm.allreduce(room, ReduceOp::min);
  return room[0];
}

RowMemory plan_row_memory(std::optional<std::int64_t> limit, std::int64_t rows, int dim, bool is_precise,
                          const KMeansOptions& options, std::int64_t beside, Communicator& comm) {
  constexpr std::int64_t of_f32 = sizeof(float);
  constexpr std::int64_t of_f64 = sizeof(double);
  const std::int64_t data = rows * dim * (is_precise ? of_f64 + of_f32 : of_f32);
  const std::int64_t state = kmeans_bytes_per_row(options) * rows + kmeans_bytes_of_centroids(options, dim) + beside;
  const std::int64_t smallest =
      std::min(data, smallest_stream_memory(dim, options.threads, is_precise ? of_f64 : of_f32));
  std::int64_t used = 0;
  std::int64_t room = 0;
  collectively(comm, [&] {
    used = limit ? resident_bytes() : 0;
    room = room_beside(used, limit, comm) - state;
  });
  // An estimate of what is free is no reason to refuse.
  if (!limit) room = std::max(room, smallest);
  std::array<std::int64_t, 1> needed{room < smallest ? used + overhead + state + smallest : 0};
  comm.allreduce(needed, ReduceOp::max);
  if (needed[0] == 0) return {data <= room, room};
  throw AgreedError(
      ExitCode::usage, "cluster.memory = " + size_text(*limit) + " is too small",
      "on the rank that needs most, the process, the state of k-means and the smallest buffers take " +
          size_text(needed[0]),
      "Set it to " + whole_mebibytes(needed[0] + difference_between_starts) + " or more, or use more ranks.");
}

}  // namespace datus
