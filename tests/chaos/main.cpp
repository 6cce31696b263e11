// SPDX-License-Identifier: Apache-2.0
// Kills a job again and again, at random instants and at the worst ones, and lets it go on with other numbers of ranks:
// what comes out must be, byte for byte, what an undisturbed run makes, and only the work in flight may be done again.
// Usage: datus_chaos --kills N [--seed S] [--ranks-max R] [--keep DIR]

#include "chaos/campaign.hpp"

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

std::optional<datus::chaos::Options> parse_options(int argc, char** argv) {
  datus::chaos::Options options;
  int seed = 1;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const std::string_view value = argv[i + 1];
    const bool understood = (name == "--kills" && parse(value, 1, options.kills)) ||
                            (name == "--seed" && parse(value, 0, seed)) ||
                            (name == "--ranks-max" && parse(value, 1, options.ranks_max)) || name == "--keep";
    if (!understood) return std::nullopt;
    if (name == "--keep") options.keep = value;
  }
  options.seed = static_cast<unsigned>(seed);
  if (argc % 2 == 0 || options.kills == 0) return std::nullopt;
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = parse_options(argc, argv);
  if (!options) {
    std::cerr << "usage: datus_chaos --kills N [--seed S] [--ranks-max R] [--keep DIR]\n";
    return misuse;
  }
  try {
    datus::chaos::Campaign campaign(*options);
    return campaign.run() ? 0 : 1;
  } catch (const std::exception& error) {
    std::cerr << "datus_chaos: " << error.what() << "\n";
    return 1;
  }
}
