// SPDX-License-Identifier: Apache-2.0
#include "config/reader.hpp"
#include "config/text.hpp"
#include "datus/core/error.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace datus {
namespace {

/// What may be written at the top level.
std::vector<std::string> top_level_names() {
  std::vector<std::string> names;
  for (const Key& key : schema()) {
    if (key.section.empty()) names.push_back(key.name);
  }
  for (const Section& section : sections()) names.push_back(section.name);
  return names;
}

std::vector<std::string> names_in(const std::string& section) {
  std::vector<std::string> names;
  for (const Key& key : schema()) {
    if (key.section == section) names.push_back(key.name);
  }
  return names;
}

/// Full names of the keys called `name`, in whatever section.
std::vector<std::string> places_of(const std::string& name) {
  std::vector<std::string> places;
  for (const Key& key : schema()) {
    if (key.name == name) places.push_back(key.full_name());
  }
  return places;
}

std::string question(const std::string& guess) {
  return guess.empty() ? "" : "Did you mean " + guess + "? ";
}

}  // namespace

void refuse_unknown_key(const std::string& section, const std::string& name, const std::string& origin) {
  const std::vector<std::string> top = top_level_names();
  if (std::find(top.begin(), top.end(), section) != top.end()) {
    const std::vector<std::string> allowed = names_in(section);
    std::string guess = closest(name, allowed);
    guess = guess.empty() ? joined(places_of(name), " or ") : section + "." + guess;
    throw UsageError("Unknown key " + section + "." + name, origin,
                     question(guess) + "Keys of " + section + ": " + joined(allowed, ", ") + ".");
  }
  // Without a section, `name` was written where a section belongs.
  const std::string& outer = section.empty() ? name : section;
  std::string guess = closest(outer, top);
  if (guess.empty()) guess = joined(places_of(name), " or ");
  throw UsageError("Unknown key " + (section.empty() ? name : section + "." + name), origin,
                   question(guess) + "At the top level: " + joined(top, ", ") + ".");
}

}  // namespace datus
