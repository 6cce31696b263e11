// SPDX-License-Identifier: Apache-2.0
#include "crash_states/disk.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace datus::crash {
namespace {

using Kind = Step::Kind;

bool changes_bytes(const Step& step) {
  return step.kind == Kind::write || step.kind == Kind::truncate;
}

int any(std::minstd_rand& random, int least, int most) {
  return std::uniform_int_distribution(least, most)(random);
}

/// The bytes of one call, of which a part came to disk.
void change_in_part(Tree& tree, const Step& step, std::minstd_rand& random) {
  const int what = any(random, 0, 3);
  if (what == 0) return;
  if (what == 1 || step.kind == Kind::truncate) return tree.change(step);
  Step part = step;
  if (what == 2) {
    part.bytes.assign(step.bytes.size(), '\0');
  } else {
    // Disks write sectors.
    constexpr std::size_t sector = 512;
    const auto sectors = static_cast<int>(step.bytes.size() / sector);
    part.bytes.resize(sector * static_cast<std::size_t>(any(random, 0, sectors)));
  }
  tree.change(part);
}

void change_bytes(Tree& tree, const Step& step, Loss loss, std::minstd_rand& random) {
  switch (loss) {
    case Loss::all:
    case Loss::bytes:
      return;
    case Loss::zeros: {
      Step zeros = step;
      zeros.bytes.assign(step.bytes.size(), '\0');
      return tree.change(zeros);
    }
    case Loss::names:
    case Loss::nothing:
      return tree.change(step);
    case Loss::journal:
    case Loss::some:
      return change_in_part(tree, step, random);
  }
}

/// How many of 1,000 calls on names came to disk, on an average.
int kept_names(Loss loss, std::minstd_rand& random) {
  switch (loss) {
    case Loss::all:
    case Loss::names:
      return 0;
    case Loss::some:
      return any(random, 100, 900);
    default:
      return 1000;
  }
}

}  // namespace

std::string_view name_of(Loss loss) {
  static constexpr std::array<std::string_view, loss_kinds> names = {"all that was not synced is lost",
                                                                     "names without bytes",
                                                                     "names with zeros",
                                                                     "bytes without names",
                                                                     "names up to a point",
                                                                     "some of each",
                                                                     "nothing is lost"};
  return names.at(static_cast<std::size_t>(loss));
}

void Disk::perform(const Step& step) {
  if (step.new_file) durable_.bytes[*step.new_file] = {};
  if (step.new_folder) durable_.names[*step.new_folder] = {};
  if (step.kind == Kind::names || changes_bytes(step)) {
    pending_.push_back({&step, step.changes});
    return;
  }
  for (Pending& one : pending_) {
    const auto is_synced = [&](Node node) { return step.kind == Kind::sync_all || node == step.node; };
    if (changes_bytes(*one.step)) {
      if (!is_synced(one.step->node)) continue;
      durable_.change(*one.step);
      one.step = nullptr;
      continue;
    }
    for (const NameChange& change : one.changes) {
      if (is_synced(change.folder)) durable_.change(change);
    }
    std::erase_if(one.changes, [&](const NameChange& change) { return is_synced(change.folder); });
    if (one.changes.empty()) one.step = nullptr;
  }
  std::erase_if(pending_, [](const Pending& one) { return one.step == nullptr; });
}

Tree Disk::after_power_cut(Loss loss, std::minstd_rand& random) const {
  Tree tree = durable_;
  const int kept = kept_names(loss, random);
  std::size_t end_of_journal = pending_.size();
  if (loss == Loss::journal)
    end_of_journal = static_cast<std::size_t>(any(random, 0, static_cast<int>(pending_.size())));
  for (std::size_t i = 0; i < pending_.size(); ++i) {
    const Pending& one = pending_[i];
    if (changes_bytes(*one.step)) {
      change_bytes(tree, *one.step, loss, random);
    } else if (i < end_of_journal && any(random, 1, 1000) <= kept) {
      for (const NameChange& change : one.changes) tree.change(change);
    }
  }
  return tree;
}

}  // namespace datus::crash
