// SPDX-License-Identifier: Apache-2.0
// Power cuts: records the calls of a job on its files, makes what a file system may have after a power cut at chosen
// calls, and starts the same command there. What comes out must be, byte for byte, what an undisturbed run makes.
// Usage: datus_crash_states --states N [--seed S] [--ranks R] [--keep DIR]

#include "crash_states/campaign.hpp"

#include <charconv>
#include <exception>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>

namespace {

constexpr int misuse = 2;

bool parse(std::string_view text, int least, int& number) {
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  return problem == std::errc() && end == text.data() + text.size() && number >= least;
}

std::optional<datus::crash::Options> parse_options(int argc, char** argv) {
  datus::crash::Options options;
  int seed = 1;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const std::string_view value = argv[i + 1];
    const bool understood = (name == "--states" && parse(value, 1, options.states)) ||
                            (name == "--seed" && parse(value, 0, seed)) ||
                            (name == "--ranks" && parse(value, 1, options.ranks)) || name == "--keep";
    if (!understood) return std::nullopt;
    if (name == "--keep") options.keep = value;
  }
  options.seed = static_cast<unsigned>(seed);
  if (argc % 2 == 0 || options.states == 0) return std::nullopt;
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = parse_options(argc, argv);
  if (!options) {
    std::cerr << "usage: datus_crash_states --states N [--seed S] [--ranks R] [--keep DIR]\n";
    return misuse;
  }
  try {
    datus::crash::Campaign campaign(*options);
    return campaign.run() ? 0 : 1;
  } catch (const std::exception& error) {
    std::cerr << "datus_crash_states: " << error.what() << "\n";
    return 1;
  }
}
