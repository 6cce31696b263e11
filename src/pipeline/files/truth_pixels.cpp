// SPDX-License-Identifier: Apache-2.0
#include "datus/pipeline/truth_pixels.hpp"

#include "datus/core/text.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <numeric>

namespace datus {
namespace {

constexpr double most = 0.5;

double void_share(const TruthPixels& truth) {
  const std::int64_t total = truth.total();
  return total == 0 ? 0 : static_cast<double>(truth.void_pixels) / static_cast<double>(total);
}

std::int64_t classes_found(const TruthPixels& truth) {
  return std::ranges::count_if(truth.of_class, [](std::int64_t pixels) { return pixels > 0; });
}

/// The names of those found; after a dozen the rest is left to the score file.
std::string names_found(const TruthPixels& truth, const std::vector<std::string>& class_names) {
  constexpr std::int64_t dozen = 12;
  std::string names;
  std::int64_t named = 0;
  for (std::size_t i = 0; i < truth.of_class.size(); ++i) {
    if (truth.of_class[i] == 0) continue;
    if (named++ == dozen) return names + ", ...";
    names += (names.empty() ? "" : ", ") + (i < class_names.size() ? class_names[i] : std::to_string(i));
  }
  return names;
}

std::string percent_void(const TruthPixels& truth) {
  std::array<char, 32> text{};
  (void)std::snprintf(text.data(), text.size(), "%.1f %% void", 100 * void_share(truth));
  return text.data();
}

}  // namespace

void TruthPixels::add(const LabelMap& truth) {
  for (const std::int32_t label : truth.labels) {
    if (label == no_label) {
      ++void_pixels;
      continue;
    }
    const auto index = static_cast<std::size_t>(label);
    if (index >= of_class.size()) of_class.resize(index + 1);
    ++of_class[index];
  }
}

std::int64_t TruthPixels::total() const {
  return std::accumulate(of_class.begin(), of_class.end(), void_pixels);
}

std::string truth_text(const TruthPixels& truth, const std::vector<std::string>& class_names) {
  const std::int64_t found = classes_found(truth);
  const std::string names = names_found(truth, class_names);
  const std::size_t known = std::max(class_names.size(), truth.of_class.size());
  return std::to_string(found) + " of " + std::to_string(known) + (known == 1 ? " class" : " classes") +
         (names.empty() ? "" : " (" + names + ")") + ", " + percent_void(truth);
}

std::string truth_warning(const TruthPixels& truth, const std::vector<std::string>& class_names, int void_value) {
  const std::int64_t found = classes_found(truth);
  std::string problem;
  if (truth.total() == 0) return problem;
  if (found == 0) problem = "All pixels of the ground truth are void: there is nothing to score";
  if (found == 1) problem = "The ground truth has one class only, so that scores say nothing";
  if (found > 1 && void_share(truth) > most) problem = "Most pixels of the ground truth are void and do not count";
  if (problem.empty()) return problem;
  return message_text(problem, truth_text(truth, class_names),
                      "Check dataset.void (" + std::to_string(void_value) +
                          "), dataset.label_map and dataset.classes: they say what the values in its files mean.");
}

}  // namespace datus
