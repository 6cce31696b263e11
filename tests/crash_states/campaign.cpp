// SPDX-License-Identifier: Apache-2.0
#include "crash_states/campaign.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <iostream>
#include <set>
#include <sstream>
#include <system_error>
#include <thread>
#include <utility>

namespace datus::crash {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds longest_job(180);
constexpr int workers = 2;
/// One of so many jobs that go on is cut off once more.
constexpr int between_second_cuts = 4;

Tree state_after(const History& history, const Cut& cut) {
  Disk disk(history.beginning());
  for (std::size_t i = 0; i < cut.steps; ++i) disk.perform(history.steps()[i]);
  std::minstd_rand random(cut.seed);
  return disk.after_power_cut(cut.loss, random);
}

/// Mostly beside a call on names or a sync: that is where states differ. Anywhere otherwise.
Cut any_cut(const History& history, std::minstd_rand& random) {
  const auto any = [&](std::size_t most) { return std::uniform_int_distribution<std::size_t>(0, most)(random); };
  Cut cut{.loss = static_cast<Loss>(any(loss_kinds - 1)), .seed = static_cast<unsigned>(random())};
  const auto& steps = history.steps();
  const bool anywhere = any(3) == 0;
  do {
    cut.steps = any(steps.size() - 1);
  } while (!anywhere && (steps[cut.steps].kind == Step::Kind::write || steps[cut.steps].kind == Step::Kind::truncate));
  cut.steps += any(1);
  return cut;
}

std::string text_of(const History& history, const Cut& cut) {
  std::ostringstream text;
  text << "after call " << cut.steps << " of " << history.steps().size();
  if (cut.steps > 0) text << " (" << history.steps()[cut.steps - 1].text << ")";
  text << ", " << name_of(cut.loss) << ", seed " << cut.seed;
  return text.str();
}

std::size_t hash_of(const Tree& tree) {
  std::string all;
  for (const auto& [name, content] : tree.files()) all.append(name).append(1, '\0').append(content).append(1, '\0');
  return std::hash<std::string>()(all);
}

/// The record has all that was done: what it makes is what is there.
std::vector<std::string> missing_in_record(const History& history, const fs::path& folder) {
  std::vector<std::string> problems;
  const auto recorded = history.end().files();
  test::Contents there;
  for (const std::string& name : test::files_below(folder)) there[name] = test::bytes_of(folder / name);
  for (const auto& [name, content] : recorded) {
    if (name.ends_with('/')) continue;
    const auto found = there.find(name);
    if (found == there.end() || found->second != content) problems.push_back("the record is wrong about " + name);
  }
  for (const auto& [name, content] : there) {
    if (!recorded.contains(name)) problems.push_back("the record knows nothing of " + name);
  }
  return problems;
}

test::Launch launch(const fs::path& folder, int ranks, const fs::path& record) {
  test::Launch launch{.folder = folder, .ranks = ranks > 1 ? ranks : 0, .limit = longest_job};
  if (!record.empty()) {
    launch.environment = {"LD_PRELOAD=" + test::recorder_library_path(), "DATUS_RECORD=" + record.string(),
                          "DATUS_RECORD_ROOT=" + folder.string()};
  }
  return launch;
}

}  // namespace

Campaign::Campaign(Options options) : options_(std::move(options)) {}

bool Campaign::run() {
  if (!record_job()) return false;
  complain(lost_at_the_end(), {}, "a power cut right after the end of the job");
  const std::vector<Cut> cuts = choose_cuts();
  std::vector<std::jthread> threads(workers);
  for (std::jthread& thread : threads) thread = std::jthread([&] { try_cuts(cuts); });
  threads.clear();
  std::cout << "seed " << options_.seed << ": went on from " << tried_ << " states, " << cut_again_
            << " of them after a second power cut; " << wrong_ << " wrong" << std::endl;
  return wrong_ == 0;
}

bool Campaign::record_job() {
  const test::TempFolder folder;
  const test::TempFolder elsewhere;
  history_ = std::make_unique<History>(folder.path());
  const fs::path record = elsewhere / "record";
  const test::Outcome outcome = test::run_program(sample_.run(), launch(folder.path(), options_.ranks, record));
  if (outcome.code != 0) {
    std::cout << "the undisturbed run failed: " << outcome << std::endl;
    return false;
  }
  history_->read(record);
  reference_ = test::results_of(folder / test::small_run_name);
  const auto problems = missing_in_record(*history_, folder.path());
  std::cout << "undisturbed: " << reference_.size() << " files by " << history_->steps().size() << " calls\n"
            << test::joined_lines(problems) << std::flush;
  return problems.empty();
}

/// When the job has ended all its results are on disk, not only on the way to it.
std::vector<std::string> Campaign::lost_at_the_end() const {
  const auto files = state_after(*history_, {.steps = history_->steps().size(), .loss = Loss::all}).files();
  std::vector<std::string> lost;
  const auto done = history_->end().files();
  for (const auto& [name, content] : done) {
    // The log is no result.
    if (name.starts_with(test::small_run_name + "/log/") || name.ends_with('/')) continue;
    const auto found = files.find(name);
    if (found == files.end() || found->second != content) lost.push_back(name + " is lost");
  }
  return lost;
}

std::vector<Cut> Campaign::choose_cuts() const {
  std::vector<Cut> cuts;
  std::set<std::size_t> seen;
  std::minstd_rand random(options_.seed);
  for (int i = 0; i < 20 * options_.states && std::ssize(cuts) < options_.states; ++i) {
    const Cut cut = any_cut(*history_, random);
    if (seen.insert(hash_of(state_after(*history_, cut))).second) cuts.push_back(cut);
  }
  return cuts;
}

void Campaign::try_cuts(const std::vector<Cut>& cuts) {
  for (int number = next_++; number < std::ssize(cuts); number = next_++) {
    try {
      try_cut(cuts[static_cast<std::size_t>(number)], number);
    } catch (const std::exception& error) {
      complain({error.what()}, {}, text_of(*history_, cuts[static_cast<std::size_t>(number)]));
    }
  }
}

void Campaign::try_cut(const Cut& cut, int number) {
  const Tree state = state_after(*history_, cut);
  const std::string what = text_of(*history_, cut);
  const int ranks = 1 + number % options_.ranks;
  const test::TempFolder folder;
  state.write_to(folder.path());
  if (number % between_second_cuts != 0) {
    go_on_from(state, folder.path(), ranks, "", what);
    return;
  }
  const test::TempFolder elsewhere;
  History second(folder.path());
  if (!go_on_from(state, folder.path(), ranks, elsewhere / "record", what)) return;
  second.read(elsewhere / "record");
  std::minstd_rand random(cut.seed);
  const Cut again = any_cut(second, random);
  const Tree second_state = state_after(second, again);
  const test::TempFolder next;
  second_state.write_to(next.path());
  go_on_from(second_state, next.path(), 1, "", what + "\n  and then " + text_of(second, again));
  const std::scoped_lock lock(mutex_);
  ++cut_again_;
}

/// The same command, in a folder that has that state. False when something is wrong, which it says.
bool Campaign::go_on_from(const Tree& state, const fs::path& folder, int ranks, const fs::path& record,
                          const std::string& what) {
  // A machine needs longer to come back than a lock lives.
  std::error_code ignored;
  fs::last_write_time(folder / test::small_run_name / "lock",
                      fs::file_time_type::clock::now() - std::chrono::minutes(2), ignored);
  const test::Outcome outcome = test::run_program(sample_.run(), launch(folder, ranks, record));
  std::vector<std::string> problems;
  if (outcome.code != 0) {
    std::ostringstream text;
    text << outcome;
    problems.push_back(text.str());
  } else {
    problems = test::differences(folder / test::small_run_name, reference_);
  }
  complain(problems, state, what);
  const std::scoped_lock lock(mutex_);
  if (++tried_ % 50 == 0) std::cout << tried_ << " states" << std::endl;
  return problems.empty();
}

void Campaign::complain(const std::vector<std::string>& problems, const Tree& state, const std::string& what) {
  if (problems.empty()) return;
  const std::scoped_lock lock(mutex_);
  ++wrong_;
  constexpr std::size_t most_said = 10;
  const std::vector<std::string> said(problems.begin(), problems.begin() + std::min(most_said, problems.size()));
  std::cout << "WRONG (" << problems.size() << "): " << what << "\n" << test::joined_lines(said) << std::flush;
  if (options_.keep.empty() || state.names.empty()) return;
  const fs::path folder = options_.keep / std::to_string(wrong_);
  fs::create_directories(folder);
  state.write_to(folder);
  std::cout << "  the state is in " << folder.string() << std::endl;
}

}  // namespace datus::crash
