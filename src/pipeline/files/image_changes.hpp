// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pipeline/files/image_list.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace datus {

/// What became of the images of a run since its list was frozen.
struct ImageChanges {
  std::vector<std::string> added;     ///< not listed before
  std::vector<std::string> replaced;  ///< other files now, or with other ground truth
  std::vector<std::string> gone;      ///< no longer listed
  bool reordered = false;             ///< those that stayed follow each other in another order
  std::int64_t with_results = 0;      ///< images of the frozen list that could be read
  std::int64_t lost = 0;              ///< of those, replaced or gone
  std::string first_lost;             ///< what became of the first ("a.jpg is no longer there")

  [[nodiscard]] bool any() const { return !added.empty() || !replaced.empty() || !gone.empty() || reordered; }
  /// Whether most of what the run has is of other images: rather a wrong path than a change.
  [[nodiscard]] bool are_other_images() const { return 2 * lost > with_results; }
  /// "2 are new (a.jpg, …), 1 was replaced (b.jpg)".
  [[nodiscard]] std::string text() const;
};

/// Compares the lists, which are cut into shards alike. `was_readable` tells more of an image of the frozen list than
/// its header: it is only asked about those that changed, in their order. `rewritten` are the images of the frozen
/// list, ascending, whose content is known to be another though the list cannot tell.
[[nodiscard]] ImageChanges changes_of(const ImageList& frozen, const ImageList& current,
                                      const std::function<bool(std::int64_t)>& was_readable,
                                      const std::vector<std::int64_t>& rewritten = {});

}  // namespace datus
