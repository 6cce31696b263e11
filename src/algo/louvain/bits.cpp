// SPDX-License-Identifier: Apache-2.0
#include "algo/louvain/bits.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace datus::louvain_detail {
namespace {

constexpr int word_bits = 64;

/// Slots with the zeros that fill up the last group.
int padded(int slots) {
  return (slots + slot_group - 1) / slot_group * slot_group;
}

}  // namespace

BitLevel::BitLevel(const BitGraph& graph, const Kernel& kernel)
    : graph_(graph),
      kernel_(kernel),
      words_((graph.nodes() + word_bits - 1) / word_bits),
      slots_(graph.nodes()),
      live_(graph.nodes()),
      labels_(static_cast<std::size_t>(graph.nodes())),
      sizes_(static_cast<std::size_t>(graph.nodes()), 1),
      volumes_(static_cast<std::size_t>(padded(graph.nodes()))),
      links_(volumes_.size()) {
  std::iota(labels_.begin(), labels_.end(), 0);
  degrees_.reserve(labels_.size());
  for (int node = 0; node < graph.nodes(); ++node) {
    degrees_.push_back(kernel.count_bits(graph.row(node).data(), words_));
    total_ += degrees_.back();
  }
  std::copy(degrees_.begin(), degrees_.end(), volumes_.begin());
  count_limit_ = static_cast<int>(kernel.count_limit * total_ / (std::int64_t{graph.nodes()} * graph.nodes()));
  compact();
}

std::int64_t BitLevel::largest_degree() const {
  return *std::max_element(degrees_.begin(), degrees_.end());
}

std::uint64_t& BitLevel::mask_word(int node, std::int32_t slot) {
  const int group = slot / slot_group;
  const int word = node / word_bits;
  return masks_[static_cast<std::size_t>(group * words_ + word) * slot_group +
                static_cast<std::size_t>(slot % slot_group)];
}

void BitLevel::compact() {
  std::vector<std::int32_t> moved_to(static_cast<std::size_t>(slots_));
  std::size_t next = 0;
  for (std::size_t slot = 0; slot < moved_to.size(); ++slot) {
    if (sizes_[slot] == 0) continue;
    moved_to[slot] = static_cast<std::int32_t>(next);
    sizes_[next] = sizes_[slot];
    volumes_[next] = volumes_[slot];
    ++next;
  }
  slots_ = live_;
  std::fill(volumes_.begin() + slots_, volumes_.begin() + padded(slots_), 0);
  for (std::int32_t& label : labels_) label = moved_to[static_cast<std::size_t>(label)];
  counting_ = slots_ <= count_limit_;
  if (!counting_) return;
  masks_.assign(static_cast<std::size_t>(padded(slots_)) * static_cast<std::size_t>(words_), 0);
  for (int node = 0; node < graph_.nodes(); ++node) {
    mask_word(node, labels_[static_cast<std::size_t>(node)]) |= std::uint64_t{1} << (node % word_bits);
  }
}

void BitLevel::sum_links(int node) {
  const auto row = graph_.row(node);
  if (counting_) {
    kernel_.count_links(row.data(), masks_.data(), words_, padded(slots_), links_.data());
    return;
  }
  std::fill_n(links_.begin(), padded(slots_), 0U);
  for_each_bit(row, [this](std::int32_t neighbor) {
    ++links_[static_cast<std::size_t>(labels_[static_cast<std::size_t>(neighbor)])];
  });
}

std::int64_t BitLevel::move_node(int node, const Objective& objective) {
  const auto at = static_cast<std::size_t>(node);
  const std::uint32_t degree = degrees_[at];
  if (degree == 0) return 0;
  const std::int32_t own = labels_[at];
  sum_links(node);
  // Without the node, its own community is a candidate like the others.
  links_[static_cast<std::size_t>(own)] -= is_loop(node) ? 1U : 0U;
  volumes_[static_cast<std::size_t>(own)] -= degree;
  const Choice choice = kernel_.choose(links_.data(), volumes_.data(), padded(slots_), own, objective.link_factor(),
                                       objective.numerator * degree);
  volumes_[static_cast<std::size_t>(choice.slot)] += degree;
  if (choice.slot == own) return 0;
  labels_[at] = choice.slot;
  ++sizes_[static_cast<std::size_t>(choice.slot)];
  --sizes_[static_cast<std::size_t>(own)];
  if (counting_) {
    const std::uint64_t bit = std::uint64_t{1} << (node % word_bits);
    mask_word(node, own) ^= bit;
    mask_word(node, choice.slot) ^= bit;
  }
  if (sizes_[static_cast<std::size_t>(own)] == 0) {
    --live_;
    // A quarter less each time: rebuilding the masks stays cheap next to what shorter arrays save.
    if (live_ <= slots_ - slots_ / 4 || (!counting_ && live_ <= count_limit_)) compact();
  }
  return choice.gain;
}

Level BitLevel::move_nodes(const Objective& objective, double tolerance) {
  Int128 total_gain = 0;
  Int128 pass_gain = 0;
  do {
    pass_gain = 0;
    for (int node = 0; node < graph_.nodes(); ++node) pass_gain += move_node(node, objective);
    total_gain += pass_gain;
  } while (objective.increase(pass_gain) > tolerance);
  compact();
  return {.labels = labels_, .communities = slots_, .increase = objective.increase(total_gain)};
}

ListGraph BitLevel::aggregate() {
  std::vector<std::vector<std::int32_t>> members(static_cast<std::size_t>(slots_));
  for (int node = 0; node < graph_.nodes(); ++node) {
    members[static_cast<std::size_t>(labels_[static_cast<std::size_t>(node)])].push_back(node);
  }
  ListGraph communities;
  std::vector<std::int64_t> sums(members.size());
  std::vector<std::int32_t> linked;
  for (const std::vector<std::int32_t>& community : members) {
    for (const std::int32_t node : community) {
      sum_links(node);
      for (std::size_t slot = 0; slot < sums.size(); ++slot) sums[slot] += links_[slot];
    }
    linked.clear();
    for (std::size_t slot = 0; slot < sums.size(); ++slot) {
      if (sums[slot] != 0) linked.push_back(static_cast<std::int32_t>(slot));
    }
    communities.add_node(linked, sums);
  }
  return communities;
}

}  // namespace datus::louvain_detail
