// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/cuda/weights.hpp"

#include <algorithm>
#include <iterator>

namespace datus::clustering::gpu {

DeviceWeights::DeviceWeights(const Context& context, int index, DeviceRows& rows, const cuda::Stream& stream,
                             std::size_t draws)
    : context_(context),
      index_(index),
      rows_(rows),
      stream_(stream),
      points_(static_cast<std::size_t>(points_at_once * pitch_of(context.rows.dim())), "memory for chosen rows"),
      sent_points_(points_.size()),
      tickets_(static_cast<std::size_t>(race_tickets(context.rows.count()))),
      lowest_(draws * tickets_, "memory for the draws of k-means++"),
      found_lowest_(lowest_.size()) {
  const auto rows_of_rank = static_cast<std::size_t>(context.rows.count());
  for (std::size_t i = 0; i < draws; ++i) weights_.emplace_back(rows_of_rank, "memory for the weights of k-means++");
  // What lies behind the points' coordinates stays zero.
  std::ranges::fill(sent_points_.span(), 0.0);
}

void DeviceWeights::lower(std::span<const NewPoint> points) {
  const std::ptrdiff_t dim = context_.rows.dim();
  const std::ptrdiff_t pitch = pitch_of(context_.rows.dim());
  Points lowered;
  lowered.values = points_.data();
  // The points before are read no more.
  stream_.wait();
  for (const NewPoint& point : points) {
    std::copy_n(point.values, dim, sent_points_.data() + lowered.count * pitch);
    lowered.weights[lowered.count] = weights_[point.draw].data();
    lowered.is_first[lowered.count] = point.is_first;
    ++lowered.count;
  }
  cuda::copy(points_.data(), sent_points_.data(), sent_points_.size(), stream_);
  rows_.for_each_slab(stream_, [&](const Slab& slab) { lower_weights(slab, lowered, stream_); });
}

std::vector<Ticket> DeviceWeights::lowest_tickets(std::span<const WeighedRound> rounds) {
  cuda::use_gpu(index_);
  const std::int64_t dim = context_.rows.dim();
  // Usually one for each draw; all of them when a draw goes on after an interruption. In turns: no draw twice in one
  // pass.
  bool some = true;
  for (std::int64_t turn = 0; some; ++turn) {
    std::vector<NewPoint> points;
    for (const WeighedRound& round : rounds) {
      const std::int64_t k = round.weighed + turn;
      if (k < std::ssize(round.chosen) / dim) points.push_back({round.draw, k == 0, round.chosen.data() + k * dim});
    }
    some = !points.empty();
    for (std::size_t begin = 0; begin < points.size(); begin += points_at_once) {
      lower(std::span(points).subspan(begin, std::min<std::size_t>(points_at_once, points.size() - begin)));
    }
  }
  const std::uint64_t first_row = context_.rows.count() > 0 ? static_cast<std::uint64_t>(context_.rows.first()) : 0;
  for (std::size_t i = 0; i < rounds.size(); ++i) {
    const WeighedRound& round = rounds[i];
    race({.weights = round.chosen.empty() ? nullptr : weights_[round.draw].data(),
          .rows = context_.rows.count(),
          .first_row = first_row,
          .key = {round.key[0], round.key[1]},
          .round = round.round},
         lowest_.data() + i * tickets_, stream_);
  }
  cuda::copy(found_lowest_.data(), lowest_.data(), rounds.size() * tickets_, stream_);
  stream_.wait();
  std::vector<Ticket> tickets(rounds.size());
  for (std::size_t i = 0; i < rounds.size(); ++i) {
    for (const RaceTicket& found : found_lowest_.span().subspan(i * tickets_, tickets_)) {
      tickets[i] = std::min(tickets[i], Ticket{found.key, found.row});
    }
  }
  return tickets;
}

}  // namespace datus::clustering::gpu
