// SPDX-License-Identifier: Apache-2.0
#include "pipeline/stages/cluster/streamed_rows.hpp"

#include "datus/core/parallel.hpp"

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

namespace datus {

/// Used by one visit at a time, in it by its reader alone.
struct StreamedRows::Memory {
  RowReader reader;
  std::unique_ptr<std::byte[]> kept;
  /// How many of the kept rows were read.
  std::int64_t loaded = 0;
  std::vector<std::unique_ptr<std::byte[]>> buffers = {};
};

namespace {

constexpr std::int64_t smallest_buffer = std::int64_t{64} << 10U;
constexpr std::int64_t largest_buffer = std::int64_t{1} << 20U;

/// One for each thread to work on, one to read into, and one that is read already.
std::int64_t buffer_count(int threads) noexcept {
  return std::int64_t{threads} + 2;
}

std::int64_t rows_in(std::int64_t bytes, std::int64_t row_bytes) noexcept {
  return std::max<std::int64_t>(1, bytes / row_bytes);
}

/// Some pieces of a visit that are read together.
struct Portion {
  std::size_t first_piece = 0;
  std::size_t pieces = 0;
  std::int64_t rows = 0;
  /// Read to stay: one piece, the next of the kept rows.
  bool stays = false;
};

/// What a visit has to do.
struct Schedule {
  std::vector<RowRange> in_memory;
  std::vector<Portion> to_read;
  /// Of all portions to read, in their order.
  std::vector<RowRange> pieces;

  [[nodiscard]] std::span<const RowRange> pieces_of(const Portion& portion) const {
    return std::span(pieces).subspan(portion.first_piece, portion.pieces);
  }
};

Schedule make_schedule(std::span<const RowRange> ranges, std::int64_t loaded, const StreamPlan& plan, int dim) {
  const std::int64_t block = rows_per_block(dim);
  std::int64_t next_kept = loaded;
  Schedule schedule;
  for (const RowRange& range : ranges) {
    const std::int64_t end = range.begin + range.count;
    for (std::int64_t begin = range.begin; begin < end;) {
      RowRange piece{begin, std::min(block, end - begin)};
      if (begin < loaded) {
        piece.count = std::min(piece.count, loaded - begin);
        schedule.in_memory.push_back(piece);
      } else if (begin == next_kept && begin < plan.kept_rows) {
        piece.count = std::min(piece.count, plan.kept_rows - begin);
        next_kept += piece.count;
        schedule.to_read.push_back({schedule.pieces.size(), 1, piece.count, true});
        schedule.pieces.push_back(piece);
      } else {
        // Short pieces share a buffer.
        const bool shares = !schedule.to_read.empty() && !schedule.to_read.back().stays &&
                            schedule.to_read.back().rows < plan.buffer_rows;
        if (!shares) schedule.to_read.push_back({schedule.pieces.size(), 0, 0, false});
        Portion& portion = schedule.to_read.back();
        piece.count = std::min(piece.count, plan.buffer_rows - portion.rows);
        ++portion.pieces;
        portion.rows += piece.count;
        schedule.pieces.push_back(piece);
      }
      begin += piece.count;
    }
  }
  return schedule;
}

/// One visit: a reader that fills buffers, and workers that take what is filled, or else what was in memory.
class Visit {
 public:
  Visit(const Schedule& schedule, RowReader& reader, std::byte* kept, std::int64_t* loaded,
        std::vector<std::byte*> buffers, std::int64_t first_row, const RowSources& sources, const RowBlockBody& body)
      : schedule_(schedule),
        reader_(reader),
        kept_(kept),
        loaded_(loaded),
        first_row_(first_row),
        dim_(sources.dim),
        is_precise_(sources.is_precise),
        row_bytes_(sources.dim * sources.value_bytes()),
        body_(body),
        free_(std::move(buffers)) {}

  void run(int threads) {
    const std::size_t portions = schedule_.in_memory.size() + schedule_.to_read.size();
    const auto workers = std::min<std::int64_t>(threads, static_cast<std::int64_t>(portions));
    {
      // Asked to stop and joined at the end of the block, also when no thread could be started below.
      std::jthread reader;
      if (schedule_.to_read.size() > 1) {
        reader = std::jthread([this](const std::stop_token& stop) { read_ahead(stop); });
      } else {
        read_ahead({});
      }
      parallel_for(workers, static_cast<int>(workers), [this](std::int64_t worker) { work(worker); });
    }
    if (error_) std::rethrow_exception(error_);
  }

 private:
  /// Pieces whose rows lie one after the other at `values`.
  struct Filled {
    std::span<const RowRange> pieces;
    std::byte* values;
    bool is_buffer;
  };

  /// In an exception handler: the visit is over. The workers see it, and when they are gone the reader is stopped.
  void fail() {
    {
      const std::scoped_lock lock(mutex_);
      if (!error_) error_ = std::current_exception();
    }
    to_workers_.notify_all();
  }

  /// Where to read a portion to, once there is room; nothing when the visit is over.
  std::byte* room_for(const Portion& portion, const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    if (!portion.stays) to_reader_.wait(lock, stop, [&] { return !free_.empty(); });
    if (error_ || stop.stop_requested()) return nullptr;
    if (portion.stays) return kept_ + *loaded_ * row_bytes_;
    std::byte* const values = free_.back();
    free_.pop_back();
    return values;
  }

  template <class T>
  void read_as(const RowRange& piece, std::byte* values) {
    const auto size = static_cast<std::size_t>(piece.count * dim_);
    reader_.read<T>(first_row_ + piece.begin, piece.count, {reinterpret_cast<T*>(values), size});
  }
  void read(const Portion& portion, std::byte* values) {
    for (const RowRange& piece : schedule_.pieces_of(portion)) {
      is_precise_ ? read_as<double>(piece, values) : read_as<float>(piece, values);
      values += piece.count * row_bytes_;
    }
    if (portion.stays) *loaded_ += portion.rows;
  }

  void read_ahead(const std::stop_token& stop) {
    try {
      for (const Portion& portion : schedule_.to_read) {
        std::byte* const values = room_for(portion, stop);
        if (values == nullptr) return;
        read(portion, values);
        {
          const std::scoped_lock lock(mutex_);
          filled_.push_back({schedule_.pieces_of(portion), values, !portion.stays});
        }
        to_workers_.notify_one();
      }
      {
        const std::scoped_lock lock(mutex_);
        reading_ = false;
      }
      to_workers_.notify_all();
    } catch (...) {
      fail();
    }
  }

  /// The next work for a worker, what was read first: so the reader gets its buffers back soon.
  std::optional<Filled> take() {
    std::unique_lock lock(mutex_);
    const auto memory_is_left = [&] { return next_in_memory_ < schedule_.in_memory.size(); };
    to_workers_.wait(lock, [&] { return error_ || !filled_.empty() || memory_is_left() || !reading_; });
    if (error_) return std::nullopt;
    if (!filled_.empty()) {
      const Filled filled = filled_.front();
      filled_.pop_front();
      return filled;
    }
    if (!memory_is_left()) return std::nullopt;
    const RowRange& piece = schedule_.in_memory[next_in_memory_++];
    return Filled{{&piece, 1}, kept_ + piece.begin * row_bytes_, false};
  }

  [[nodiscard]] RowBlock block_of(const RowRange& piece, const std::byte* values) const {
    if (is_precise_) return {piece.begin, piece.count, nullptr, reinterpret_cast<const double*>(values)};
    return {piece.begin, piece.count, reinterpret_cast<const float*>(values), nullptr};
  }

  void work(std::int64_t worker) {
    try {
      while (const std::optional<Filled> filled = take()) {
        const std::byte* values = filled->values;
        for (const RowRange& piece : filled->pieces) {
          body_(static_cast<std::size_t>(worker), block_of(piece, values));
          values += piece.count * row_bytes_;
        }
        if (!filled->is_buffer) continue;
        {
          const std::scoped_lock lock(mutex_);
          free_.push_back(filled->values);
        }
        to_reader_.notify_one();
      }
    } catch (...) {
      fail();
    }
  }

  const Schedule& schedule_;
  RowReader& reader_;
  std::byte* kept_;
  std::int64_t* loaded_;
  std::int64_t first_row_;
  int dim_;
  bool is_precise_;
  std::int64_t row_bytes_;
  const RowBlockBody& body_;

  std::mutex mutex_;
  /// Signalled when there is something to take, or never will be; and when there is room to read.
  std::condition_variable to_workers_;
  std::condition_variable_any to_reader_;
  std::vector<std::byte*> free_;
  std::deque<Filled> filled_;
  std::size_t next_in_memory_ = 0;
  bool reading_ = true;
  std::exception_ptr error_;
};

}  // namespace

std::int64_t smallest_stream_memory(int dim, int threads, std::int64_t value_bytes) noexcept {
  const std::int64_t row_bytes = dim * value_bytes;
  return buffer_count(threads) * rows_in(smallest_buffer, row_bytes) * row_bytes;
}

StreamPlan plan_stream(std::int64_t bytes, std::int64_t rows, int dim, int threads, std::int64_t value_bytes) noexcept {
  const std::int64_t row_bytes = dim * value_bytes;
  StreamPlan plan;
  plan.buffers = buffer_count(threads);
  // A quarter for buffers, but not more than helps.
  const std::int64_t quarter = std::clamp(bytes / 4 / plan.buffers, smallest_buffer, largest_buffer);
  plan.buffer_rows = rows_in(quarter, row_bytes);
  const std::int64_t for_kept = bytes - plan.buffers * plan.buffer_rows * row_bytes;
  const bool all_fit = bytes / row_bytes >= rows;
  plan.kept_rows = all_fit ? rows : std::clamp<std::int64_t>(for_kept / row_bytes, 0, rows);
  return plan;
}

StreamedRows::StreamedRows(std::shared_ptr<const RowSources> sources, Share mine, std::int64_t bytes, int threads)
    : sources_(std::move(sources)),
      mine_(mine),
      plan_(plan_stream(bytes, mine.size(), sources_->dim, threads, sources_->value_bytes())),
      memory_(new Memory{RowReader(*sources_), std::make_unique_for_overwrite<std::byte[]>(static_cast<std::size_t>(
                                                   plan_.kept_rows * sources_->dim * sources_->value_bytes()))}) {}

StreamedRows::~StreamedRows() = default;

void StreamedRows::visit(std::span<const RowRange> ranges, int threads, const RowBlockBody& body) const {
  const Schedule schedule = make_schedule(ranges, memory_->loaded, plan_, dim());
  const auto passing = std::ranges::count(schedule.to_read, false, &Portion::stays);
  const auto needed = static_cast<std::size_t>(std::min<std::int64_t>(passing, plan_.buffers));
  std::vector<std::byte*> buffers;
  for (std::size_t i = 0; i < needed; ++i) {
    if (i == memory_->buffers.size()) {
      const std::int64_t size = plan_.buffer_rows * dim() * sources_->value_bytes();
      memory_->buffers.push_back(std::make_unique_for_overwrite<std::byte[]>(static_cast<std::size_t>(size)));
    }
    buffers.push_back(memory_->buffers[i].get());
  }
  Visit(schedule, memory_->reader, memory_->kept.get(), &memory_->loaded, std::move(buffers), mine_.begin, *sources_,
        body)
      .run(threads);
}

}  // namespace datus
