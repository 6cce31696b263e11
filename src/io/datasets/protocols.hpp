#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace datus::protocols {

/// COCO-Stuff-27: from the 182 values of stuffthingmaps (labels.txt id minus 1; 255 is void) to 27
/// classes. Cho et al., "PiCIE", CVPR 2021; the same in STEGO. Equal to
/// configs/protocols/coco_stuff_27.json.
inline constexpr std::array<std::int8_t, 182> coco_stuff_fine_to_coarse = {
    9,  11, 11, 11, 11, 11, 11, 11, 11, 8,  8,  8,  8,  8,  8,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  6,
    6,  6,  6,  6,  6,  6,  6,  10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 5,  5,  5,  5,  5,  5,  5,  5,  2,
    2,  2,  2,  2,  2,  2,  2,  2,  2,  3,  3,  3,  3,  3,  3,  3,  3,  3,  3,  0,  0,  0,  0,  0,  0,  1,
    1,  1,  1,  1,  1,  4,  4,  4,  4,  4,  4,  4,  4,  17, 17, 22, 20, 20, 22, 15, 25, 16, 13, 12, 12, 17,
    17, 23, 15, 15, 17, 15, 21, 15, 25, 13, 13, 13, 13, 13, 22, 26, 14, 14, 15, 22, 21, 21, 24, 20, 22, 15,
    17, 16, 15, 22, 24, 21, 17, 25, 16, 21, 17, 22, 16, 21, 21, 25, 21, 26, 21, 24, 20, 17, 14, 21, 26, 15,
    23, 20, 21, 24, 15, 24, 22, 25, 15, 20, 17, 17, 22, 14, 18, 18, 18, 18, 18, 18, 18, 26, 26, 19, 19, 24};

inline constexpr std::array<std::string_view, 27> coco_stuff_27_classes = {"electronic-things",
                                                                           "appliance",
                                                                           "food-things",
                                                                           "furniture-things",
                                                                           "indoor",
                                                                           "kitchen",
                                                                           "accessory",
                                                                           "animal",
                                                                           "outdoor",
                                                                           "person",
                                                                           "sports",
                                                                           "vehicle",
                                                                           "ceiling-stuff",
                                                                           "floor",
                                                                           "food-stuff",
                                                                           "furniture-stuff",
                                                                           "rawmaterial",
                                                                           "textile",
                                                                           "wall",
                                                                           "window",
                                                                           "building",
                                                                           "ground",
                                                                           "plant",
                                                                           "sky",
                                                                           "solid",
                                                                           "structural",
                                                                           "water"};

/// SUIM's mask colours, one bit per channel, as (red << 2 | green << 1 | blue), to its eight
/// classes. Islam et al., "Semantic Segmentation of Underwater Imagery", IROS 2020. Equal to
/// configs/protocols/suim.json.
inline constexpr std::array<std::int8_t, 8> suim_colour_to_8 = {7, 0, 5, 4, 1, 3, 2, 6};

inline constexpr std::array<std::string_view, 8> suim_8_classes = {"human divers",
                                                                   "robots",
                                                                   "fish and vertebrates",
                                                                   "reefs and invertebrates",
                                                                   "wrecks",
                                                                   "plants and sea-grass",
                                                                   "sea-floor and rocks",
                                                                   "background (waterbody)"};

/// The merge that DatUS reports: plants, sea-floor and water are one background.
inline constexpr std::array<std::int8_t, 8> suim_8_to_6 = {0, 1, 2, 3, 4, 5, 5, 5};

inline constexpr std::array<std::string_view, 6> suim_6_classes = {
    "human divers", "robots", "fish and vertebrates", "reefs and invertebrates", "wrecks", "background"};

}  // namespace datus::protocols
