// SPDX-License-Identifier: Apache-2.0
#pragma once

// A small run to export, with everything that an export has to cope with.

#include "cli/plain_files.hpp"
#include "datus/core/names.hpp"
#include "datus/io/image_reader.hpp"
#include "datus/io/mask_file.hpp"
#include "support/temp_folder.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace datus::test {

/// Makes FOLDER/run, K = 3: photos of different sizes and endings, one of them in a folder of its own and one without a
/// segment; ground truth of two classes, so that a cluster has none.
inline Outcome make_exported_run(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  write_test_images(folder / "images", 4);
  fs::create_directories(folder / "images/sub");
  fs::rename(folder / "images/d.png", folder / "images/sub/d.jpg");  // readers go by the content
  Image white(40, 40);
  white.pixels.assign(white.pixels.size(), 255);
  write_png(folder / "images/white.png", white);
  for (const std::string& name : files_below(folder / "images")) {
    const ImageHeader header = read_image_header(folder / "images" / name);
    std::vector<std::uint8_t> truth;
    for (int i = 0; i < header.height * header.width; ++i) {
      truth.push_back(static_cast<std::uint8_t>(i % header.width / 16 % 2));
    }
    fs::create_directories((folder / "truth" / name).parent_path());
    write_grey_png(folder / "truth" / mask_name(name), truth, header.height, header.width);
  }
  write_bytes(folder / "names.txt", "sea floor\nrock: a/b\n");
  write_bytes(folder / "mine.yaml",
              "dataset: {kind: index_png, images: images, truth: truth, classes: names.txt}\n"
              "affinity: {center: image}\nsegment: {min_patches: 6}\ndescriptor: {kind: mean_key}\ncluster: {k: 3}\n"
              "model: {weights: '" +
                  tiny_weights() + "', heads: 2, input_size: 32}\n");
  return run_program({"run", "mine.yaml", "--run", "run"}, {.folder = folder});
}

/// The masks of a run's K, by the name of the image without its ending.
inline std::map<std::string, LabelMap> masks_of(const std::filesystem::path& masks) {
  std::map<std::string, LabelMap> maps;
  for (const std::string& name : files_below(masks)) {
    if (name.ends_with(".png")) maps[stem_of(name)] = read_mask(masks / name);
  }
  return maps;
}

/// The clusters' classes that the scores of K = 3 have.
inline std::vector<int> mapping_of(const std::filesystem::path& run) {
  return nlohmann::json::parse(bytes_of(run / "scores/k003.json"))["strict"]["mapping"].get<std::vector<int>>();
}

/// Maps of clusters as those of classes.
inline std::map<std::string, LabelMap> classes_of(std::map<std::string, LabelMap> maps,
                                                  const std::vector<int>& mapping) {
  for (auto& [name, map] : maps) {
    for (auto& label : map.labels) {
      if (label >= 0) label = mapping.at(static_cast<std::size_t>(label));
    }
  }
  return maps;
}

}  // namespace datus::test
