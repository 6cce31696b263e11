// SPDX-License-Identifier: Apache-2.0
#include "pipeline/stages/cluster/descriptor_rows.hpp"

#include "datus/core/log.hpp"
#include "datus/core/stop_signals.hpp"
#include "datus/core/text.hpp"
#include "pipeline/files/stage_files.hpp"
#include "pipeline/session/progress.hpp"
#include "pipeline/stages/cluster/memory_budget.hpp"
#include "pipeline/stages/cluster/stoppable_rows.hpp"
#include "pipeline/stages/cluster/streamed_rows.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <limits>
#include <span>
#include <utility>

namespace datus {
namespace {

constexpr std::uint64_t no_row = std::numeric_limits<std::uint64_t>::max();

template <class T>
std::unique_ptr<KMeansRows> read_into_memory(const RowSources& sources, Share mine) {
  // Piece by piece, for a signal must not wait until all are read, nor until so much memory is filled with zeros.
  constexpr std::int64_t piece_bytes = std::int64_t{256} << 20;
  const std::int64_t dim = sources.dim;
  const std::int64_t step = std::max<std::int64_t>(piece_bytes / (dim * static_cast<std::int64_t>(sizeof(T))), 1);
  AlignedVector<T> values;
  values.reserve(static_cast<std::size_t>(mine.size() * dim));
  RowReader reader(sources);
  for (std::int64_t row = 0; row < mine.size(); row += step) {
    give_up_when_asked("reading the descriptors");
    const std::int64_t rows = std::min(step, mine.size() - row);
    values.resize(static_cast<std::size_t>((row + rows) * dim));
    reader.read<T>(mine.begin + row, rows, std::span(values).subspan(static_cast<std::size_t>(row * dim)));
  }
  return std::make_unique<MemoryRows>(std::move(values), sources.dim, mine.begin);
}

/// COLLECTIVE. This rank's share of the rows; see `open_matrix_rows`.
std::unique_ptr<KMeansRows> hold_share(const std::shared_ptr<const RowSources>& sources, const KMeansOptions& options,
                                       std::int64_t beside, std::optional<std::int64_t> memory,
                                       const std::function<void()>& may_go_on, Communicator& comm) {
  const Share mine = share_of(sources->rows, comm);
  const RowMemory plan = plan_row_memory(memory, mine.size(), sources->dim, sources->is_precise, options, beside, comm);
  std::unique_ptr<KMeansRows> rows;
  collectively(comm, [&] {
    if (plan.all_fit) {
      rows = sources->is_precise ? read_into_memory<double>(*sources, mine) : read_into_memory<float>(*sources, mine);
      return;
    }
    auto streamed = std::make_unique<StreamedRows>(sources, mine, plan.stream_bytes, options.threads);
    const std::int64_t row_bytes = sources->dim * sources->value_bytes();
    log::info("the rows are read again in each pass: of " + size_text(mine.size() * row_bytes) + " per rank " +
              size_text(streamed->plan().kept_rows * row_bytes) + " stay in memory (cluster.memory)");
    rows = std::move(streamed);
  });
  return std::make_unique<StoppableRows>(std::move(rows), may_go_on);
}

/// COLLECTIVE.
DescriptorRows hold_rows(RowSources found, const KMeansOptions& options, std::int64_t beside,
                         std::optional<std::int64_t> memory, std::function<void()> may_go_on, Communicator& comm) {
  const auto sources = std::make_shared<const RowSources>(std::move(found));
  if (sources->rows == 0)
    return {sources, std::make_unique<MemoryRows>(AlignedVector<float>{}, std::max(sources->dim, 1))};
  auto held_by = [sources, memory, may_go_on = std::move(may_go_on)](const KMeansOptions& of_ranks, std::int64_t others,
                                                                     Communicator& ranks) {
    return hold_share(sources, of_ranks, others, memory, may_go_on, ranks);
  };
  auto rows = held_by(options, beside, comm);
  return {sources, std::move(rows), std::move(held_by)};
}

/// The lowest row of a block that is not finite, by its place in the block.
std::uint64_t lowest_bad_row(const RowBlock& block, int dim) {
  const std::int64_t size = block.count * dim;
  for (std::int64_t i = 0; i < size; ++i) {
    const double value = block.precise != nullptr ? block.precise[i] : static_cast<double>(block.values[i]);
    if (!std::isfinite(value)) return static_cast<std::uint64_t>(block.first + i / dim);
  }
  return no_row;
}

}  // namespace

std::function<void()> may_go_on(const StopSignals& signals, const RunConfig& config) {
  return
      [&signals, grace = std::chrono::seconds(config.grace)] { signals.check_grace(grace, "The pass over the rows"); };
}

std::vector<std::int64_t> DescriptorRows::offsets() const {
  std::vector<std::int64_t> offsets;
  for (const RowSource& part : sources->parts) offsets.push_back(part.first);
  offsets.push_back(sources->rows);
  return offsets;
}

DescriptorRows open_matrix_rows(const std::vector<std::string>& texts, const KMeansOptions& options,
                                std::int64_t beside, std::optional<std::int64_t> memory,
                                std::function<void()> may_go_on, Communicator& comm) {
  const Progress progress("reading the descriptors", 0, comm.rank() != 0);
  return hold_rows(open_row_sources(find_row_places(texts, "/descriptor", comm), comm), options, beside, memory,
                   std::move(may_go_on), comm);
}

DescriptorRows open_run_rows(const RunContext& run, const KMeansOptions& options, std::int64_t beside) {
  constexpr Stage source = *files_of(Stage::cluster).input;
  std::vector<RowPlace> places;
  for (std::int64_t i = 0; i < run.list.shards(); ++i) {
    places.push_back(
        {run.directory.shard_file(source, {i}), "/" + std::string(files_of(source).datasets.front()), true});
  }
  const StageProvenance wanted = run.provenance.of(source);
  const auto require_current = [&](std::size_t shard) {
    const std::filesystem::path& path = places[shard].file;
    const StageProvenance of_shard = wanted.of_shard({static_cast<std::int64_t>(shard)});
    std::string why = "the file does not exist";
    if (std::filesystem::exists(path)) {
      // The records are enough: every content hash is checked when the rows are opened.
      const Hdf5Reader reader(path);
      if (has_provenance(reader, of_shard)) return;
      why = describe_difference(reader, of_shard);
    }
    throw InputError("Descriptors of shard " + std::to_string(shard) + " are missing: " + path.string(), why,
                     "Run 'datus " + std::string(stage_name(source)) + "' (or 'datus run') first.");
  };
  const Progress progress("reading the descriptors", 0, run.comm.rank() != 0);
  DescriptorRows data = hold_rows(open_row_sources(places, run.comm, require_current), options, beside,
                                  run.config.cluster.memory, may_go_on(*run.signals, run.config.run), run.comm);
  data.names_images = true;
  return data;
}

void require_finite_rows(const DescriptorRows& data, int threads, Communicator& comm) {
  const int dim = data.rows->dim();
  std::vector<std::uint64_t> lowest(static_cast<std::size_t>(threads), no_row);
  collectively(comm, [&] {
    const RowRange all{0, data.rows->count()};
    data.rows->visit(std::span(&all, 1), threads, [&](std::size_t worker, const RowBlock& block) {
      const std::uint64_t row = lowest_bad_row(block, dim);
      if (row == no_row) return;
      lowest[worker] = std::min(lowest[worker], row + static_cast<std::uint64_t>(data.rows->first()));
    });
  });
  std::array<std::uint64_t, 1> agreed{std::ranges::min(lowest)};
  comm.allreduce(agreed, ReduceOp::min);
  if (agreed[0] == no_row) return;
  const auto row = static_cast<std::int64_t>(agreed[0]);
  const RowSource& part = data.sources->of_row(row);
  throw AgreedError(ExitCode::bad_input, "A value of " + part.name() + " is not finite",
                    "row " + std::to_string(row - part.first), "Make the file again without NaN and infinity.");
}

}  // namespace datus
