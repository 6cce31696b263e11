// SPDX-License-Identifier: Apache-2.0
// Each file of a run, damaged in every way that a seed gives: damage is found, or was in bytes that nobody reads. It is
// never used, and never crashes the program. DATUS_MUTATIONS=100000 tries more than the default number;
// DATUS_MUTATION=17 tries that one alone.

#include "datus/core/error.hpp"
#include "datus/core/hash.hpp"
#include "file_mutations.hpp"
#include "file_specimens.hpp"
#include "pipeline/files/verified_file.hpp"
#include "support/temp_folder.hpp"
#include "support/watched_child.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

/// Asked for by the address sanitizer, where it is: no size found in a small damaged file is a reason to take so much.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() {
  return "max_allocation_size_mb=256";
}

namespace datus::test {
namespace mutated_files_test {

constexpr std::uint64_t seed = 20'240'607;

enum Outcome { detected, harmless };

/// What a stage does with a file that may be damaged. Throws std::logic_error when it would have used the damage.
Outcome use(const Specimen& specimen, const fs::path& path, const std::string& expected) {
  bool current = true;
  std::string why;
  if (specimen.record) current = is_current(path, *specimen.record, &why);
  if (!current && why.empty()) throw std::logic_error("is_current gives no reason");
  std::optional<std::string> found;
  std::string message = "nothing was read";
  try {
    found = specimen.read(path);
  } catch (const Error& error) {
    message = error.what();
    if (message.find(path.filename().string()) == std::string::npos) {
      throw std::logic_error("the error does not name the file: " + message);
    }
  }
  // Centroids are also read from files without a record; a run asks `is_current` first.
  if (!current && std::string_view(specimen.name) == "Centroids") return detected;
  if (found && *found != expected) throw std::logic_error("other contents were read without an error");
  if (found && !current) throw std::logic_error("the reader takes what is_current refuses: " + why);
  if (!found && current && specimen.record)
    throw std::logic_error("is_current takes what the reader refuses: " + message);
  return found ? harmless : detected;
}

/// In place: a file system may write out at once what replaces a truncated file.
void overwrite(const fs::path& path, const std::string& bytes) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file) throw std::runtime_error("cannot write " + path.string());
  fs::resize_file(path, bytes.size());
}

std::int64_t environment_number(const char* name, std::int64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoll(text, nullptr, 10);
}

class MutatedFiles : public ::testing::TestWithParam<Specimen> {
 protected:
  MutatedFiles() {
    expected_ = GetParam().write(file_, 2);
    source_.bytes = bytes_of(file_);
    (void)GetParam().write(folder_ / "other.h5", 3);
    source_.other = bytes_of(folder_ / "other.h5");
    source_.other_is_refused = GetParam().record.has_value();
    source_.parts = find_parts(file_, source_.bytes);
    source_.strangers = {"", "no HDF5 at all\n", std::string(3000, '\0')};
    for (const Specimen& other : specimens()) {
      if (!other.is_stranger || other.stage() == GetParam().stage()) continue;
      (void)other.write(folder_ / "stranger.h5", 2);
      source_.strangers.push_back(bytes_of(folder_ / "stranger.h5"));
    }
  }

  /// Mutation `number` of this kind of file.
  [[nodiscard]] Mutation draw(std::int64_t number) const {
    const std::string_view name = GetParam().name;
    return Mutator(source_, hash_64(std::as_bytes(std::span(name)), seed + static_cast<std::uint64_t>(number)))
        .draw(number);
  }

  /// In the child: tries mutations, and says what went wrong.
  void try_mutations(ChildState& state, std::int64_t begin, std::int64_t end) const {
    for (std::int64_t number = begin; number < end; ++number) {
      state.step = number;
      overwrite(file_, draw(number).bytes);
      try {
        ++state.counts[use(GetParam(), file_, expected_)];
      } catch (const std::exception& error) {
        state.say(error.what());
        return;
      }
    }
  }

  TempFolder folder_;
  fs::path file_ = folder_ / "file.h5";
  std::string expected_;
  MutationSource source_;
};

TEST_P(MutatedFiles, AreRefusedOrAsBefore) {
  ASSERT_EQ(use(GetParam(), file_, expected_), harmless) << "the undamaged file";
  ASSERT_TRUE(source_.parts.contains("superblock") && source_.parts.contains("OHDR"));
  const auto kinds = static_cast<double>(specimens().size());
  const auto total = static_cast<double>(environment_number("DATUS_MUTATIONS", 2000));
  const std::int64_t single = environment_number("DATUS_MUTATION", -1);
  const std::int64_t begin = single >= 0 ? single : 0;
  const auto count = static_cast<std::int64_t>(total / kinds * GetParam().share) + 1;
  const std::int64_t end = single >= 0 ? single + 1 : count;

  const SharedState state;
  const std::string end_of_child = run_in_child(state, folder_ / "log", [&] { try_mutations(*state, begin, end); });
  const std::int64_t found = state->counts[detected];
  const std::int64_t unnoticed = state->counts[harmless];
  if (!end_of_child.empty() || !state->said().empty()) {
    ADD_FAILURE() << "mutation " << state->step << " (" << draw(state->step).what << "): " << end_of_child << ' '
                  << state->said() << "\nDATUS_MUTATION=" << state->step << " tries it alone; stderr of the process:\n"
                  << bytes_of(folder_ / "log");
    return;
  }
  EXPECT_EQ(found + unnoticed, end - begin);
  if (single < 0) {
    EXPECT_GT(found, unnoticed);
  }
  std::cout << GetParam().name << ": " << found << " detected, " << unnoticed << " harmless, of "
            << source_.bytes.size() << " bytes\n";
}

INSTANTIATE_TEST_SUITE_P(Kinds, MutatedFiles, ::testing::ValuesIn(specimens()),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace mutated_files_test
}  // namespace datus::test
