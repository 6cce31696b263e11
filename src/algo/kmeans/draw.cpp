// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/draw.hpp"

#include "algo/kmeans/lowest.hpp"
#include "algo/kmeans/random.hpp"

#include <algorithm>
#include <bit>
#include <map>
#include <utility>

namespace datus::clustering {
namespace {

/// The `count` lowest tickets of this rank's rows, in order.
std::vector<Ticket> lowest_tickets(const Context& context, DrawKey key, std::size_t count) {
  Lowest<Ticket> lowest(count);
  for (std::int64_t i = 0; i < context.rows.count(); ++i) {
    const auto row = static_cast<std::uint64_t>(context.rows.first() + i);
    lowest.offer({kmeans_draw(key, row, 0), row});
  }
  return std::move(lowest).take();
}

}  // namespace

std::vector<double> fetch_rows(const Context& context, const std::vector<std::uint64_t>& rows) {
  const auto dim = static_cast<std::ptrdiff_t>(context.rows.dim());
  const std::int64_t first = context.rows.count() > 0 ? context.rows.first() : 0;
  // In the order of the rows, each once: a reader of files goes through them once.
  std::map<std::int64_t, std::vector<std::ptrdiff_t>> places;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::int64_t local = static_cast<std::int64_t>(rows[i]) - first;
    if (local >= 0 && local < context.rows.count()) places[local].push_back(static_cast<std::ptrdiff_t>(i));
  }
  std::vector<RowRange> ranges;
  for (const auto& [local, wanted] : places) ranges.push_back({local, 1});
  std::vector<std::uint64_t> bits(rows.size() * static_cast<std::size_t>(dim), 0);
  context.rows.visit(ranges, 1, [&](std::size_t, const RowBlock& block) {
    for (std::int64_t i = 0; i < block.count; ++i) {
      for (const std::ptrdiff_t place : places.at(block.first + i)) {
        for (std::ptrdiff_t d = 0; d < dim; ++d) {
          const std::ptrdiff_t at = i * dim + d;
          const double value = block.precise != nullptr ? block.precise[at] : static_cast<double>(block.values[at]);
          bits[static_cast<std::size_t>(place * dim + d)] = std::bit_cast<std::uint64_t>(value);
        }
      }
    }
  });
  context.comm.allreduce(bits, ReduceOp::sum);
  std::vector<double> values(bits.size());
  std::ranges::transform(bits, values.begin(), [](std::uint64_t word) { return std::bit_cast<double>(word); });
  return values;
}

std::vector<std::uint64_t> draw_rows(const Context& context, DrawKey key, std::size_t count) {
  std::vector<Ticket> all = allgather_values(context.comm, lowest_tickets(context, key, count));
  std::ranges::sort(all);
  all.resize(std::min(count, all.size()));
  std::vector<std::uint64_t> rows;
  for (const Ticket& ticket : all) rows.push_back(ticket.row);
  return rows;
}

}  // namespace datus::clustering
