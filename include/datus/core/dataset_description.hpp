// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/hash.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace datus {

/// How a data set lies on the disk and what its ground truth means, as a YAML file says it (docs/datasets.md). In
/// folders and lists `{split}` stands for the part of the data set.
struct DatasetDescription {
  /// Where files of one sort lie, below the root of the data set.
  struct Files {
    std::vector<std::string> folders;  ///< the first one that is there counts
    std::vector<std::string> endings;  ///< lower case, with the dot; any type of image where there is none
    std::string suffix;                ///< of all names before the ending, no part of what pairs image and truth
    bool is_flat = false;              ///< folders inside hold other files
    /// What the files are named below the folder, as `Glob` has it, in place of endings, suffix and flat; mostly empty.
    std::vector<std::string> patterns = {};
    int line = 0;  ///< in the description
  };

  /// How a file of ground truth stores a value.
  enum class Storage {
    index,          ///< a one-channel PNG: palette index or grey level
    colours,        ///< the position in `colours`
    coco_panoptic,  ///< the category of the segment whose id is R + 256 G + 256² B, as a JSON file beside the folder
                    ///< says
  };

  struct Split {
    std::string name;    ///< as `dataset.split` names it
    std::string folder;  ///< what `{split}` stands for
  };

  using Colour = std::array<std::uint8_t, 3>;

  struct LabelMap {
    std::string name;
    std::vector<std::int32_t> labels;  ///< the class of each stored value, -1 for void, `unknown` for no value
    std::vector<std::string> classes;
    std::vector<Colour> colours = {};  ///< of the classes; empty where they have none
  };

  std::string origin;  ///< the file, for messages
  std::string about;   ///< one line
  Hash content;        ///< of the whole text
  Files images;
  Files truth;
  Storage storage = Storage::index;
  bool truth_is_optional = false;  ///< images without its folder are a data set too
  std::vector<Split> splits;
  std::string list;          ///< text file with the images of a part, below the root; may be empty
  bool lists_stems = false;  ///< lists name images without folder, and often without ending
  std::vector<Colour> colours;
  int colours_within = 0;                       ///< how far each channel may be from that of the nearest colour
  std::optional<std::vector<int>> void_values;  ///< none: `dataset.void`
  std::vector<LabelMap> label_maps;             ///< the first one is the default; none: each value is a class

  static constexpr std::int32_t unknown = -2;  ///< class of values that are none
};

}  // namespace datus
