// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which process of a job is killed, and when.

#include <array>
#include <filesystem>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace datus::chaos {

/// What an undisturbed job does.
struct Sample {
  std::vector<std::string> files;  ///< that it leaves, by relative name
  int iterations = 0;              ///< allreduces of k-means
};

enum class KillKind {
  instant_one,    ///< a random rank at a random instant
  instant_all,    ///< every rank and mpirun at a random instant
  before_write,   ///< who writes a file, before one of the writes
  before_fsync,   ///< who writes a file, when all of it is written
  before_rename,  ///< who writes a file, before it gets its final name
  after_rename,   ///< who writes a file, right after that
  mid_iteration,  ///< a random rank in a random allreduce of k-means
};
inline constexpr std::array<KillKind, 7> kill_kinds = {
    KillKind::instant_one,   KillKind::instant_all,  KillKind::before_write, KillKind::before_fsync,
    KillKind::before_rename, KillKind::after_rename, KillKind::mid_iteration};
[[nodiscard]] std::string_view name_of(KillKind kind);

/// One attempt on a job. Either an instant or a plan of the fault library.
struct Kill {
  KillKind kind = KillKind::instant_one;
  double instant = 0;     ///< part of the time that the job may take, for the random instants
  unsigned victim = 0;    ///< which of the ranks, modulo their number
  std::string plan = {};  ///< DATUS_FAULT
  int rank = -1;          ///< that the plan is limited to; -1: whoever does it
  std::string text = {};  ///< for people
};

/// Chooses by a seed. Each kind comes once before any comes again, but for those that have no place in what is left to
/// do.
class KillChooser {
 public:
  KillChooser(unsigned seed, Sample sample) : generator_(seed), sample_(std::move(sample)) {}

  /// For a job on `ranks` ranks that goes on with this run directory.
  [[nodiscard]] Kill next(const std::filesystem::path& run, int ranks);
  /// It did not happen: the job ended before.
  void put_back(KillKind kind) { waiting_.push_back(kind); }

  /// Between the bounds, both included.
  [[nodiscard]] int number(int least, int most) { return std::uniform_int_distribution(least, most)(generator_); }
  /// True with that probability.
  [[nodiscard]] bool chance(double probability) { return std::bernoulli_distribution(probability)(generator_); }

 private:
  [[nodiscard]] std::optional<Kill> attempt(KillKind kind, const std::filesystem::path& run, int ranks);
  [[nodiscard]] Kill at_file(KillKind kind, const std::filesystem::path& run);

  std::mt19937 generator_;
  Sample sample_;
  std::vector<KillKind> waiting_;
};

}  // namespace datus::chaos
