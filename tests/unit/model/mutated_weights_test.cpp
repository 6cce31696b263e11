// SPDX-License-Identifier: Apache-2.0
// Each kind of weights file, damaged in every way that a seed gives: it is read, or refused with an error that names
// the file. It never crashes the program, takes much memory or hangs. DATUS_MUTATIONS=100000 tries more than the
// default number; DATUS_MUTATION=17 tries that one alone.

#include "datus/core/error.hpp"
#include "datus/core/hash.hpp"
#include "datus/model/vision_transformer.hpp"
#include "datus/model/weight_branch.hpp"
#include "datus/model/weights.hpp"
#include "support/temp_folder.hpp"
#include "support/watched_child.hpp"
#include "unit/model/weight_mutations.hpp"
#include "unit/model/weight_specimens.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <sys/resource.h>

/// Asked for by the address sanitizer, where it is: no size found in a small damaged file is a reason to take so much.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() {
  return "max_allocation_size_mb=256";
}

namespace datus::test {
namespace mutated_weights_test {

namespace fs = std::filesystem;

enum Outcome { refused, read_fully, made_a_model };

/// The text of an error that a person may see: it names one of the files, gives a reason, and does not garble a
/// terminal.
void check_message(const std::string& message, const std::vector<std::string>& names) {
  const auto is_named = [&](const std::string& name) { return message.find(name) != std::string::npos; };
  if (std::ranges::none_of(names, is_named)) throw std::logic_error("the error names no file: " + message);
  if (message.find(" (") == std::string::npos || message.find(") ") == std::string::npos) {
    throw std::logic_error("the error gives no reason: " + message);
  }
  constexpr std::size_t longest = 2500;
  if (message.size() > longest) throw std::logic_error("the error is too long: " + message);
  if (std::ranges::any_of(message, [](char c) { return static_cast<unsigned char>(c) < 0x20; })) {
    throw std::logic_error("the error holds control characters: " + message);
  }
}

/// Peak memory of this process in bytes.
std::int64_t peak_memory() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return std::int64_t{usage.ru_maxrss} * 1024;
}

std::int64_t environment_number(const char* name, std::int64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoll(text, nullptr, 10);
}

/// Reads all tensors of one file's bytes. False when they are refused.
bool read_bytes(const std::string& name, const std::string& text) {
  // Memory that ends with the bytes: the sanitizer sees a read behind them, which goes unseen in a mapped file's last
  // page.
  const std::vector<std::byte> bytes(as_bytes(text).begin(), as_bytes(text).end());
  std::vector<WeightTensor> tensors;
  try {
    tensors = read_weights(bytes, name);
  } catch (const InputError& error) {
    check_message(error.what(), {name});
    return false;
  }
  for (const WeightTensor& tensor : tensors) {
    try {
      (void)to_floats(tensor, name);
    } catch (const InputError& error) {
      check_message(error.what(), {name});
    }
  }
  return true;
}

/// Damaged files, the one to open first.
struct Damaged {
  std::string what;
  std::vector<std::pair<std::string, std::string>> files;
};

class MutatedWeights : public ::testing::TestWithParam<WeightSpecimen> {
 protected:
  /// Mutation `number` of this kind of weights. Half of them change a part, with lengths and checksums made to fit; the
  /// others the whole of a file.
  [[nodiscard]] static Damaged draw(std::int64_t number) {
    constexpr std::uint64_t seed = 20'261'125;
    const std::string_view name = GetParam().name;
    WeightMutator mutator(hash_64(std::as_bytes(std::span(name)), seed + static_cast<std::uint64_t>(number)));
    Damaged damaged;
    Parts parts = GetParam().parts;
    const std::size_t changes = 1 + mutator.below(3);
    if (number % 2 == 0) {
      for (std::size_t i = 0; i < changes; ++i) {
        const auto part = std::next(parts.begin(), static_cast<std::ptrdiff_t>(mutator.below(parts.size())));
        damaged.what += part->first + ": " + mutator.change(part->second) + "; ";
      }
    }
    damaged.files = GetParam().files(parts);
    if (number % 2 == 1) {
      for (std::size_t i = 0; i < changes; ++i) {
        auto& [file, bytes] = damaged.files[mutator.below(damaged.files.size())];
        damaged.what += file + ": " + mutator.change(bytes) + "; ";
      }
    }
    return damaged;
  }

  /// Reads what the files hold, all tensors, and makes a model of it. Throws std::logic_error for what must not be.
  [[nodiscard]] Outcome use(const Damaged& damaged, bool make_model) const {
    std::vector<std::string> names;
    for (const auto& [name, bytes] : damaged.files) {
      write_bytes(folder_ / name, bytes);
      names.push_back(name);
    }
    bool is_read = true;
    for (const auto& [name, bytes] : damaged.files) is_read = read_bytes(name, bytes) && is_read;
    const fs::path path = folder_ / names.front();
    Outcome outcome = refused;
    try {
      const WeightFile file = WeightFile::open(path);
      outcome = read_fully;
      (void)choose_branch(file.tensors(), "auto", file.source());
    } catch (const InputError& error) {
      check_message(error.what(), names);
    }
    if (names.size() == 1 && is_read != (outcome == read_fully)) {
      throw std::logic_error("a file is not read as its bytes are");
    }
    if (!make_model) return outcome;
    try {
      ViTOptions options;
      options.heads = 2;
      const auto model = VisionTransformer::load(path, options);
      if (outcome == refused) throw std::logic_error("a model was made of a file that is refused");
      return made_a_model;
    } catch (const InputError& error) {
      check_message(error.what(), names);
    } catch (const UsageError&) {  // the two heads may not fit the damaged width
    }
    return outcome;
  }

  /// In the child: tries mutations, and says what went wrong.
  void try_mutations(ChildState& state, std::int64_t begin, std::int64_t end) const {
    constexpr std::int64_t allowed = std::int64_t{1} << 29U;
    const std::int64_t before = peak_memory();
    for (std::int64_t number = begin; number < end; ++number) {
      state.step = number;
      try {
        ++state.counts[use(draw(number), number % 4 < 2)];
        if (peak_memory() > before + allowed) throw std::logic_error("it takes more than 512 MiB");
      } catch (const std::exception& error) {
        state.say(error.what());
        return;
      }
    }
  }

  TempFolder folder_;
};

TEST_P(MutatedWeights, AreReadOrRefused) {
  const Damaged sound{"", GetParam().files(GetParam().parts)};
  ASSERT_EQ(use(sound, true), GetParam().is_model ? made_a_model : read_fully) << "the undamaged file";
  const auto kinds = static_cast<std::int64_t>(weight_specimens().size());
  const std::int64_t single = environment_number("DATUS_MUTATION", -1);
  const std::int64_t begin = std::max<std::int64_t>(single, 0);
  const std::int64_t end = single >= 0 ? single + 1 : environment_number("DATUS_MUTATIONS", 4000) / kinds + 1;

  const SharedState state;
  const std::string end_of_child = run_in_child(state, folder_ / "log", [&] { try_mutations(*state, begin, end); });
  if (!end_of_child.empty() || !state->said().empty()) {
    ADD_FAILURE() << "mutation " << state->step << " (" << draw(state->step).what << "): " << end_of_child << ' '
                  << state->said() << "\nDATUS_MUTATION=" << state->step << " tries it alone; stderr of the process:\n"
                  << bytes_of(folder_ / "log");
    return;
  }
  const std::int64_t read = state->counts[read_fully] + state->counts[made_a_model];
  EXPECT_EQ(state->counts[refused] + read, end - begin);
  if (single < 0) {
    EXPECT_GT(state->counts[refused], read / 4);
    EXPECT_GT(read, 0);
  }
  std::cout << GetParam().name << ": " << state->counts[refused] << " refused, " << read << " read, of these "
            << state->counts[made_a_model] << " made a model\n";
}

INSTANTIATE_TEST_SUITE_P(Kinds, MutatedWeights, ::testing::ValuesIn(weight_specimens()),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace mutated_weights_test
}  // namespace datus::test
