#pragma once

#include <array>
#include <string_view>

namespace datus {

/// A built-in kind of data set as the configuration knows it. How its files are found and read is its row in
/// io/datasets/kinds.cpp, which has the same names.
struct DatasetKindName {
  std::string_view name;
  bool lists_images = false;  ///< the images are named by `dataset.list`, or by `dataset.images` itself
};

/// All of them, in the order of the reference.
inline constexpr std::array<DatasetKindName, 5> dataset_kinds = {{{.name = "folder"},
                                                                  {.name = "list", .lists_images = true},
                                                                  {.name = "index_png"},
                                                                  {.name = "suim"},
                                                                  {.name = "coco_stuff"}}};

}  // namespace datus
