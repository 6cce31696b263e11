// SPDX-License-Identifier: Apache-2.0
#include "cli/plain_files.hpp"
#include "datus/io/image_reader.hpp"
#include "datus/io/mask_file.hpp"
#include "support/run_files.hpp"

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include <sys/stat.h>

// A named pipe in the place of any file, where opening it would wait for a writer that never comes: no command hangs,
// and what cannot be used is named.
namespace datus::test {
namespace pipes_test {

namespace fs = std::filesystem;

class Pipes : public testing::Test {
 protected:
  void SetUp() override {
    write_test_images(folder_ / "images", 4);
    fs::copy(tiny_weights(), path("weights.safetensors"));
    write_bytes(path("classes.txt"), "a\nb\n");
    write_bytes(path("map.json"), "[0, 1]");
    write_bytes(path("list.txt"), "a\nb\nc\nd\n");
    fs::create_directories(path("truth"));
    for (const auto& entry : fs::directory_iterator(path("images"))) {
      const Image image = read_image(entry.path(), Orientation::stored);
      LabelMap truth(image.height, image.width);
      for (std::size_t i = 0; i < truth.labels.size(); ++i) truth.labels[i] = i % 3 == 0 ? 1 : 0;
      write_mask(path("truth") / entry.path().filename(), truth, 2, {});
    }
    write_bytes(
        path("config.yaml"),
        "dataset: {kind: index_png, images: images, truth: truth, list: list.txt, classes: classes.txt, label_map: "
        "./map.json, shard_size: 2}\n"
        "model: {weights: weights.safetensors, heads: 2, input_size: 32}\nsegment: {method: none}\n"
        "descriptor: {kind: mean_key}\ncluster: {k: 2}\n");
  }
  [[nodiscard]] fs::path path(const std::string& name) const { return folder_ / name; }
  [[nodiscard]] Outcome datus(const Arguments& arguments) const {
    return run_program(arguments, {.folder = folder_.path(), .limit = std::chrono::seconds(30)});
  }
  [[nodiscard]] Outcome run() const { return datus({"run", "config.yaml", "--run", "run"}); }
  /// A pipe in the place of a file.
  static void replace_by_pipe(const fs::path& file) {
    fs::remove(file);
    ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0) << file;
  }

  TempFolder folder_;
};

TEST_F(Pipes, InPlaceOfWhatARunReads) {
  for (const char* input :
       {"config.yaml", "weights.safetensors", "classes.txt", "map.json", "list.txt", "truth/a.png"}) {
    fs::rename(path(input), path("kept"));
    replace_by_pipe(path(input));
    const Outcome outcome = run();
    EXPECT_FALSE(outcome.timed_out) << input;
    EXPECT_TRUE(outcome.code == 2 || outcome.code == 3) << input << ": " << outcome;
    EXPECT_NE(outcome.err.find(fs::path(input).filename().string()), std::string::npos) << outcome;
    fs::rename(path("kept"), path(input));
    fs::remove_all(path("run"));
  }
  // An image is left out, as any that cannot be read.
  replace_by_pipe(path("images/b.png"));
  const Outcome outcome = run();
  EXPECT_EQ(outcome.code, 4) << outcome;
  EXPECT_NE(bytes_of(path("run/unreadable.tsv")).find("b.png"), std::string::npos);
}

TEST_F(Pipes, InPlaceOfWhatARunWrote) {
  ASSERT_EQ(run().code, 0);
  const Contents reference = results_of(path("run"));
  std::set<std::string> files = {"state.json", "summary.json", "summary.js", "lock", "clusters/checkpoint.h5"};
  // Of each folder one file of a kind.
  std::set<std::string> kinds;
  for (const auto& [name, bytes] : reference) {
    const fs::path file(name);
    const bool is_alone = !file.has_parent_path() || name.starts_with("clusters/");
    if (is_alone || kinds.insert(file.parent_path().string() + file.extension().string()).second) files.insert(name);
  }
  for (const std::string& name : files) {
    SCOPED_TRACE(name);
    replace_by_pipe(path("run") / name);
    for (const Arguments& looking :
         {Arguments{"inspect", "run", "--verify"}, Arguments{"plan", "config.yaml", "--run", "run"}}) {
      const Outcome looked = datus(looking);
      EXPECT_FALSE(looked.timed_out) << looking[0];
    }
    const Outcome outcome = run();
    EXPECT_FALSE(outcome.timed_out) << outcome;
    if (outcome.code == 0) {
      EXPECT_EQ(joined_lines(differences(path("run"), reference)), "");
    } else {
      EXPECT_NE(outcome.err.find(fs::path(name).filename().string()), std::string::npos) << outcome;
      fs::remove(path("run") / name);
      ASSERT_EQ(run().code, 0);
    }
  }
}

TEST_F(Pipes, InPlaceOfPlainFiles) {
  for (const char* name : {"keys.h5", "segments.h5", "descriptors.h5", "clusters.h5"}) replace_by_pipe(path(name));
  const std::vector<Arguments> commands = {
      {"extract", "--images", "keys.h5", "--weights", "weights.safetensors", "--out", "o.h5"},
      {"segment", "--keys", "keys.h5", "--out", "o.h5"},
      {"describe", "--images", "images", "--segments", "segments.h5", "--weights", "weights.safetensors", "--out",
       "o.h5"},
      {"cluster", "--descriptors", "descriptors.h5", "--k", "2", "--out", "o.h5"},
      {"mask", "--segments", "segments.h5", "--clusters", "clusters.h5:/k002", "--images", "images", "--out", "o"},
      {"inspect", "keys.h5"},
      {"config", "clusters.h5"},
  };
  for (const Arguments& command : commands) {
    const Outcome outcome = datus(command);
    EXPECT_FALSE(outcome.timed_out) << command[0];
    EXPECT_TRUE(outcome.code == 2 || outcome.code == 3) << command[0] << ": " << outcome;
    const bool says_why =
        outcome.err.find("pipe") != std::string::npos || outcome.err.find("not an ordinary file") != std::string::npos;
    EXPECT_TRUE(says_why) << command[0] << ": " << outcome;
  }
}

}  // namespace pipes_test
}  // namespace datus::test
