// SPDX-License-Identifier: Apache-2.0
#include "datus/config/sweep.hpp"

#include "datus/core/error.hpp"
#include "support/temp_folder.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace datus::test {
namespace sweep_test {

class LoadSweep : public testing::Test {
 protected:
  Sweep load(const std::string& text) {
    write_bytes(folder_ / "many.yaml", text);
    return load_sweep(folder_ / "many.yaml");
  }
  std::string error(const std::string& text) {
    try {
      (void)load(text);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "no error";
  }

  TempFolder folder_;
};

TEST_F(LoadSweep, HasACellForEachCombination) {
  write_bytes(folder_ / "base.yaml", "affinity: {center: image}\ncluster: {k: 5}\n");
  const Sweep sweep = load(
      "base: base.yaml\ndatasets:\n  a: {images: photos}\n  b: {kind: list, images: list.txt}\n"
      "weights: [x.pth, /w/y.safetensors]\nvary: {cluster.k: [[20, 27], 9]}\nseeds: [3, 4]\n");
  ASSERT_EQ(sweep.cells.size(), 16U);
  EXPECT_EQ(sweep.folder, "runs/many");
  std::vector<std::string> names;
  for (const SweepCell& cell : sweep.cells) names.push_back(cell.name);
  EXPECT_EQ(names[0], "a_x_k-20-27_seed3");
  EXPECT_EQ(names[1], "a_x_k-20-27_seed4");
  EXPECT_EQ(names[2], "a_x_k-9_seed3");
  EXPECT_EQ(names[15], "b_y_k-9_seed4");
  const Config& first = sweep.cells[0].config;
  EXPECT_EQ(first.dataset.images, folder_ / "photos");
  EXPECT_EQ(first.model.weights, folder_ / "x.pth");
  EXPECT_EQ(first.cluster.k, (std::vector<int>{20, 27}));
  EXPECT_EQ(first.run.seed, 3U);
  EXPECT_EQ(first.run.directory, "runs/many/a_x_k-20-27_seed3");
  EXPECT_EQ(first.affinity.center, AffinityConfig::Center::image);
  EXPECT_EQ(first.preset, "paper");
  EXPECT_EQ(sweep.cells[15].config.dataset.kind.name, "list");
  EXPECT_EQ(load("seeds: [0]\n").cells.at(0).config.preset, "best") << "as a file that says nothing of the method";
}

TEST_F(LoadSweep, MistakesNameFileAndLine) {
  const auto expect = [&](const std::string& text, const std::vector<std::string>& words) {
    const std::string message = error(text);
    for (const std::string& word : words) EXPECT_NE(message.find(word), std::string::npos) << message;
  };
  expect("seed: [0]\n", {"many.yaml:1", "seed", "seeds"});
  expect("seeds: 0\n", {"many.yaml:1", "no list"});
  expect("seeds: [zero]\n", {"many.yaml:1", "run.seed", "zero"});
  expect("vary:\n  affinity.centre: [image]\n", {"many.yaml:2", "affinity.centre", "affinity.center"});
  expect("datasets:\n  a: {image: photos}\n", {"many.yaml:2", "dataset.image"});
  expect("weights: [a/x.pth, b/x.pth]\n", {"many.yaml", "Two runs", "x"});
  expect("base: none.yaml\n", {"none.yaml"});
  expect("- 1\n", {"many.yaml", "no sweep"});
}

}  // namespace sweep_test
}  // namespace datus::test
