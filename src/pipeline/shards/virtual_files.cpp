// SPDX-License-Identifier: Apache-2.0
#include "pipeline/shards/virtual_files.hpp"

#include "datus/core/error.hpp"
#include "datus/io/atomic_hdf5.hpp"
#include "datus/io/hdf5.hpp"
#include "pipeline/files/stage_files.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <string>
#include <system_error>
#include <vector>

namespace datus {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_axes = 3;
constexpr std::array grid_attributes = {"rows", "cols", "patch"};

// What ranks tell each other of a shard: plain numbers only.

struct StoredShape {
  std::int64_t axes = -1;  ///< -1: the shard has no such dataset
  std::int64_t dtype = 0;
  std::array<std::int64_t, most_axes> lengths{};

  [[nodiscard]] bool exists() const { return axes > 0; }
  [[nodiscard]] std::int64_t rows() const { return lengths.front(); }
  /// Whether rows of both can follow each other, or neither has any.
  [[nodiscard]] bool fits(const StoredShape& other) const {
    return axes == other.axes && dtype == other.dtype &&
           std::equal(lengths.begin() + 1, lengths.end(), other.lengths.begin() + 1);
  }
};

struct ShardShapes {
  std::int64_t usable = 0;  ///< 1: it is there and of this run
  std::array<StoredShape, most_datasets_of_shard> datasets;
  std::array<std::int64_t, grid_attributes.size()> grid = {-1, -1, -1};
};

/// All shards of a stage.
struct StageShapes {
  std::vector<ShardShapes> shards;
  std::vector<std::int64_t> segments;  ///< of each image of the run, where the stage has offsets
};

StoredShape shape_in(const Hdf5Reader& reader, const char* name) {
  StoredShape stored;
  if (name == nullptr || !reader.has(name)) return stored;
  const Shape shape = reader.shape(name);
  if (shape.empty() || shape.size() > most_axes) {
    throw InputError(reader.path().string() + " is not a shard of a run",
                     "/" + std::string(name) + " has the shape " + to_string(shape), "Delete it and run again.");
  }
  stored.axes = std::ssize(shape);
  stored.dtype = static_cast<std::int64_t>(reader.dtype(name));
  std::ranges::copy(shape, stored.lengths.begin());
  return stored;
}

ShardShapes shapes_in(const Hdf5Reader& reader, const StageFiles& files) {
  ShardShapes shapes;
  shapes.usable = 1;
  for (std::size_t i = 0; i < files.datasets.size(); ++i) shapes.datasets[i] = shape_in(reader, files.datasets[i]);
  for (std::size_t i = 0; i < grid_attributes.size(); ++i) {
    if (!reader.has_attribute("/", grid_attributes[i])) continue;
    shapes.grid[i] = reader.attribute<std::int64_t>("/", grid_attributes[i]);
  }
  return shapes;
}

/// This rank's part of the shards.
StageShapes read_share(const ShardedRun& run, const StageFiles& files, const Share& share) {
  StageShapes mine;
  const StageProvenance provenance = run.provenance.of(files.stage);
  for (std::int64_t i = share.begin; i < share.end; ++i) {
    ShardShapes& shapes = mine.shards.emplace_back();
    const fs::path path = run.directory.shard_file(files.stage, {i});
    if (!fs::exists(path)) continue;
    const Hdf5Reader reader(path);
    if (!has_provenance(reader, provenance.of_shard({i}))) continue;
    shapes = shapes_in(reader, files);
    if (!files.has_offset) continue;
    const auto offset = reader.read<std::int64_t>("offset");
    for (std::size_t image = 1; image < offset.size(); ++image) {
      mine.segments.push_back(offset[image] - offset[image - 1]);
    }
  }
  return mine;
}

/// COLLECTIVE.
StageShapes read_shapes(const ShardedRun& run, const StageFiles& files, Communicator& comm) {
  StageShapes mine;
  collectively(comm, [&] { mine = read_share(run, files, share_of(run.shards, comm)); });
  return {allgather_values(comm, mine.shards), allgather_values(comm, mine.segments)};
}

/// Shape and type that all shards with rows share; that of an empty one when there is no other.
StoredShape common_shape(const ShardedRun& run, const StageFiles& files, const StageShapes& shapes,
                         std::size_t dataset) {
  StoredShape common;
  for (const ShardShapes& shard : shapes.shards) {
    const StoredShape& own = shard.datasets[dataset];
    if (own.exists() && (!common.exists() || (common.rows() == 0 && own.rows() > 0))) common = own;
  }
  for (std::size_t i = 0; i < shapes.shards.size(); ++i) {
    const StoredShape& own = shapes.shards[i].datasets[dataset];
    // The first dataset tells whether the shard has anything at all.
    const bool is_empty = own.exists() ? own.rows() == 0 : shapes.shards[i].datasets.front().rows() == 0;
    if (is_empty || own.fits(common)) continue;
    throw InputError(run.directory.shard_file(files.stage, {static_cast<std::int64_t>(i)}).string() +
                         " does not go with the other shards",
                     "/" + std::string(files.datasets[dataset]) + " is of another type or width, or missing",
                     "Delete it and run again.");
  }
  return common;
}

void write_dataset(Hdf5Writer& writer, const ShardedRun& run, const StageFiles& files, const StageShapes& shapes,
                   std::size_t dataset) {
  const StoredShape common = common_shape(run, files, shapes, dataset);
  if (!common.exists()) return;
  const std::string name = "/" + std::string(files.datasets[dataset]);
  std::vector<VirtualSource> sources;
  for (std::size_t i = 0; i < shapes.shards.size(); ++i) {
    const fs::path path = run.directory.shard_file(files.stage, {static_cast<std::int64_t>(i)});
    sources.push_back({path.lexically_relative(run.directory.root()).generic_string(), name,
                       shapes.shards[i].datasets[dataset].rows()});
  }
  const Shape row(common.lengths.begin() + 1, common.lengths.begin() + common.axes);
  writer.write_virtual(name, static_cast<Dtype>(common.dtype), row, sources);
}

void write_contents(Hdf5Writer& writer, const ShardedRun& run, const StageFiles& files, const StageShapes& shapes) {
  for (std::size_t i = 0; i < files.datasets.size(); ++i) write_dataset(writer, run, files, shapes, i);
  if (files.has_offset) {
    std::vector<std::int64_t> offset(shapes.segments.size() + 1, 0);
    std::partial_sum(shapes.segments.begin(), shapes.segments.end(), offset.begin() + 1);
    writer.write<std::int64_t>("offset", offset, {std::ssize(offset)}, ChunkHint::about_one_mib);
  }
  for (std::size_t i = 0; i < grid_attributes.size(); ++i) {
    if (shapes.shards.front().grid[i] >= 0) writer.attribute("/", grid_attributes[i], shapes.shards.front().grid[i]);
  }
  write_provenance(writer, run.provenance.of(files.stage));
}

bool have_equal_bytes(const fs::path& one, const fs::path& other) {
  if (!fs::is_regular_file(one) || !fs::is_regular_file(other) || fs::file_size(one) != fs::file_size(other)) {
    return false;
  }
  std::ifstream first(one, std::ios::binary);
  std::ifstream second(other, std::ios::binary);
  std::vector<char> left(std::size_t{1} << 20U);
  std::vector<char> right(left.size());
  const auto size = static_cast<std::streamsize>(left.size());
  while (first && second) {
    first.read(left.data(), size);
    second.read(right.data(), size);
    if (first.gcount() != second.gcount() || !std::equal(left.begin(), left.begin() + first.gcount(), right.begin())) {
      return false;
    }
  }
  return first.eof() && second.eof();
}

void write_file(const fs::path& path, const ShardedRun& run, const StageFiles& files, const StageShapes& shapes,
                const WriteOptions& options) {
  AtomicHdf5 file(path, options);
  write_contents(file.writer(), run, files, shapes);
  if (have_equal_bytes(file.close(), path)) return;
  file.commit(SourceCheck::open);
}

void remove_file(const fs::path& path, const WriteOptions& options) {
  if (!fs::exists(fs::symlink_status(path))) return;
  if (options.before_rename) options.before_rename();
  std::error_code problem;
  fs::remove(path, problem);
  if (problem) {
    throw SystemError("Cannot remove " + path.string() + ", whose shards are not complete any more", problem.message(),
                      "Remove it by hand.");
  }
}

}  // namespace

void write_virtual_files(const ShardedRun& run, const WriteOptions& options, Communicator& comm) {
  for (const StageFiles& files : stage_files) {
    if (!files.is_by_shard) continue;
    const bool is_kept = keeps_files(run.storage, files.stage);
    const StageShapes shapes = is_kept ? read_shapes(run, files, comm) : StageShapes{};
    const bool is_complete = !shapes.shards.empty() && std::ranges::all_of(shapes.shards, [](const ShardShapes& shard) {
      return shard.usable != 0;
    });
    const fs::path path = run.directory.virtual_file(files.folder);
    on_root(comm, [&] {
      if (is_complete) {
        write_file(path, run, files, shapes, options);
      } else {
        remove_file(path, options);
      }
    });
  }
}

void write_virtual_files(const RunContext& run) {
  write_virtual_files({run.directory, run.provenance, run.list.shards(), run.config.storage}, run.writing(), run.comm);
}

}  // namespace datus
