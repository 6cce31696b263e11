#include "datus/pipeline/descriptor_rows.hpp"

#include "datus/core/error.hpp"
#include "datus/io/hdf5_reader.hpp"
#include "datus/pipeline/keys_reader.hpp"
#include "datus/pipeline/shard_files.hpp"

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

namespace datus {
namespace {

/// COLLECTIVE. Rows and width of every shard, each rank asking for a slice.
std::vector<std::int64_t> shard_shapes(RunContext& run) {
  const Share mine = share_of(run.list.shards(), run.comm);
  std::vector<std::int64_t> slice;
  collectively(run.comm, [&] {
    for (std::int64_t i = mine.begin; i < mine.end; ++i) {
      const auto path = run.directory.descriptors({i});
      std::string why = "the file does not exist";
      if (!is_current(path, run.provenance.of(Stage::describe), &why)) {
        throw InputError("Descriptors of shard " + std::to_string(i) + " are missing: " + path.string(), why,
                         "Run 'datus describe' (or 'datus run') first.");
      }
      const Shape shape = Hdf5Reader(path).shape("descriptor", 2);
      slice.insert(slice.end(), shape.begin(), shape.end());
    }
  });
  return allgather_values(run.comm, slice);
}

/// The part of one shard that lies in `wanted` rows of the run, appended to `values`.
void append_shard_rows(const RunContext& run, ShardIndex shard, std::int64_t shard_begin, Share wanted,
                       std::vector<float>& values) {
  const auto file = read_descriptors(run.directory.descriptors(shard), run.provenance.of(Stage::describe));
  const auto rows = static_cast<std::int64_t>(file.segment.size());
  const std::int64_t first = std::max<std::int64_t>(0, wanted.begin - shard_begin);
  const std::int64_t last = std::min(rows, wanted.end - shard_begin);
  values.insert(values.end(), file.descriptor.begin() + first * file.dim, file.descriptor.begin() + last * file.dim);
}

}  // namespace

RunRows read_run_rows(RunContext& run) {
  const auto shapes = shard_shapes(run);
  std::vector<std::int64_t> offset = {0};
  for (std::size_t i = 0; i < shapes.size(); i += 2) offset.push_back(offset.back() + shapes[i]);
  const std::int64_t total = offset.back();
  const int dim = shapes.empty() ? 0 : checked_cast<int>(shapes[1], "The width of the descriptors");

  const Share mine = share_of(total, run.comm);
  std::vector<float> values;
  collectively(run.comm, [&] {
    values.reserve(static_cast<std::size_t>((mine.end - mine.begin) * dim));
    for (std::size_t shard = 0; shard + 1 < offset.size(); ++shard) {
      if (offset[shard + 1] <= mine.begin || offset[shard] >= mine.end) continue;
      append_shard_rows(run, {static_cast<std::int64_t>(shard)}, offset[shard], mine, values);
    }
    require_finite(values, dim, mine.begin, "the descriptors of " + run.directory.root().string());
  });
  return {std::make_unique<MemoryRows>(std::move(values), std::max(dim, 1), mine.begin), total, std::move(offset)};
}

std::unique_ptr<KMeansRows> read_matrix_rows(const std::string& text, std::int64_t* total, Communicator& comm) {
  const auto place = parse_dataset_path(text, "/descriptor");
  std::vector<float> values;
  Share mine{};
  int dim = 0;
  collectively(comm, [&] {
    const Hdf5Reader reader(place.file);
    if (comm.rank() == 0) reader.verify();
    const Shape shape = reader.matrix_shape(place.dataset);
    *total = shape[0];
    dim = checked_cast<int>(shape[1], "The width of the rows");
    mine = share_of(shape[0], comm);
    values.resize(static_cast<std::size_t>((mine.end - mine.begin) * shape[1]));
    if (mine.end > mine.begin) {
      reader.read_rows_as_float(place.dataset, mine.begin, mine.end - mine.begin, values);
    }
    require_finite(values, dim, mine.begin, place.dataset + " in " + place.file.string());
  });
  return std::make_unique<MemoryRows>(std::move(values), dim, mine.begin);
}

std::vector<std::int32_t> gather_labels(const std::vector<std::int32_t>& local, Communicator& comm) {
  std::vector<std::int32_t> all;
  for (const auto& bytes : comm.gather(std::as_bytes(std::span(local)), 0)) {
    const std::size_t old_size = all.size();
    all.resize(old_size + bytes.size() / sizeof(std::int32_t));
    if (!bytes.empty()) std::memcpy(all.data() + old_size, bytes.data(), bytes.size());
  }
  return all;
}

}  // namespace datus
