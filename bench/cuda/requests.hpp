// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>
#include <iostream>
#include <sstream>
#include <string>

#include <nlohmann/json.hpp>

namespace datus::bench {

inline void print_line(const nlohmann::json& json) {
  (void)std::printf("%s\n", json.dump().c_str());
  (void)std::fflush(stdout);
}

/// So that another program can measure in turns with this one: answers each line of standard input, as words, with one
/// line of JSON, and ends with the input. Both keep what they have on the card, and only one computes at a time.
template <class Answer>
void answer_requests(const Answer& answer) {
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    print_line(answer(words));
  }
}

}  // namespace datus::bench
