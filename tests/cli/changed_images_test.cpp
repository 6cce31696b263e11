// SPDX-License-Identifier: Apache-2.0
#include "cli/plain_files.hpp"
#include "support/run_files.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

// Images that are repaired, taken away or added after a run was started: it goes on, and is what a new run would be.
namespace datus::test {
namespace changed_images_test {

namespace fs = std::filesystem;

class ChangedImages : public testing::Test {
 protected:
  /// `datus COMMAND` on the images of this test in shards of two, or on `images`.
  [[nodiscard]] Outcome command(const std::string& name, const std::string& directory, const Arguments& more = {},
                                int ranks = 0, const std::string& images = "images") const {
    write_bytes(folder_ / "mine.yaml", "dataset: {images: " + images +
                                           ", shard_size: 2}\nsegment: {method: none}\n"
                                           "descriptor: {kind: mean_key}\ncluster: {k: 3}\nmodel: {weights: '" +
                                           tiny_weights() + "'}\n");
    Arguments arguments = tiny_model({name, "mine.yaml", "--run", directory});
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments, {.folder = folder_.path(), .ranks = ranks});
  }
  [[nodiscard]] Outcome run(int ranks = 0) const { return command("run", "run", {}, ranks); }
  [[nodiscard]] fs::path path(const std::string& name) const { return folder_ / name; }

  /// The run is byte for byte a new one of the images as they are now.
  void expect_as_new() const {
    ASSERT_EQ(command("run", "new").code, 0);
    const auto found = differences(path("run"), results_of(path("new")));
    // But for the name of the run.
    for (const auto& difference : found) {
      EXPECT_TRUE(difference == "config.yaml differs" || difference == "report/index.html differs" ||
                  difference == "checksums.tsv differs")
          << difference;
    }
    EXPECT_EQ(run_program({"inspect", "--verify", "run"}, {.folder = folder_.path()}).code, 0);
  }
  /// When the file was written.
  [[nodiscard]] fs::file_time_type time_of(const std::string& name) const { return fs::last_write_time(path(name)); }

 private:
  TempFolder folder_;
};

/// The first part of a PNG, whose header is whole.
void truncate(const fs::path& image) {
  const std::string bytes = bytes_of(image);
  write_bytes(image, bytes.substr(0, bytes.size() / 2));
}

TEST_F(ChangedImages, ARepairedOneRedoesItsShardAlone) {
  write_test_images(path("images"), 6);
  const std::string good = bytes_of(path("images/d.png"));
  for (const bool has_header : {true, false}) {
    SCOPED_TRACE(has_header);
    fs::remove_all(path("run"));
    fs::remove_all(path("new"));
    if (has_header) truncate(path("images/d.png"));
    if (!has_header) write_bytes(path("images/d.png"), "nothing");
    ASSERT_EQ(run().code, 4);
    const auto others = {time_of("run/keys/000000.h5"), time_of("run/keys/000002.h5")};
    write_bytes(path("images/d.png"), good);
    const Outcome plan = command("plan", "run");
    EXPECT_NE(plan.out.find("extract   1 of 3 shards"), std::string::npos) << plan;
    const Outcome repaired = run(has_header ? 2 : 0);
    EXPECT_EQ(repaired.code, 0) << repaired;
    EXPECT_NE(repaired.err.find("1 was replaced (d.png)"), std::string::npos) << repaired;
    EXPECT_EQ((std::vector{time_of("run/keys/000000.h5"), time_of("run/keys/000002.h5")}), std::vector(others));
    expect_as_new();
  }
}

// The list cannot tell: bytes and header are those of before.
TEST_F(ChangedImages, ARestoredOneOfTheSameSizeRedoesItsShard) {
  write_test_images(path("images"), 6);
  const std::string good = bytes_of(path("images/d.png"));
  std::string bad = good;
  for (std::size_t i = good.size() / 2; i < good.size() / 2 + 20; ++i) bad[i] = static_cast<char>(bad[i] ^ 0x55);
  write_bytes(path("images/d.png"), bad);
  ASSERT_EQ(run().code, 4);
  const auto other = time_of("run/keys/000000.h5");
  write_bytes(path("images/d.png"), good);
  for (const int ranks : {0, 2}) {
    const Outcome plan = command("plan", "run", {}, ranks);
    for (const char* line :
         {"extract   1 of 3 shards (an image can be read now)\n",
          "describe  1 of 3 shards (an image can be read now)\n", "mask      K = 3: 3 of 3 shards"}) {
      EXPECT_NE(plan.out.find(line), std::string::npos) << line << plan;
    }
  }
  const Outcome restored = run();
  EXPECT_EQ(restored.code, 0) << restored;
  EXPECT_NE(restored.err.find("1 image can be read now (d.png)"), std::string::npos) << restored;
  EXPECT_EQ(time_of("run/keys/000000.h5"), other);
  expect_as_new();
}

/// A BMP of 240 x 160 pixels, 115 KB: all have the same size, and those of one `beginning` the first 64 KiB.
std::string picture(int beginning, int end) {
  const auto little = [](std::uint32_t value) {
    std::string bytes;
    for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<char>(value >> (8 * i) & 0xffU));
    return bytes;
  };
  constexpr std::uint32_t width = 240;
  constexpr std::uint32_t height = 160;
  constexpr std::uint32_t pixels = 3 * width * height;
  std::string bytes = "BM" + little(54 + pixels) + little(0) + little(54) + little(40) + little(width) +
                      little(height) + std::string("\1\0\x18\0", 4) + little(0) + little(pixels) +
                      std::string(16, '\0');
  for (std::uint32_t i = 0; i < pixels; ++i) {
    const std::uint32_t other = static_cast<std::uint32_t>(i < 80'000 ? beginning : end);
    bytes.push_back(static_cast<char>((i / (7 + other) * 37 + other * 50) & 0xffU));
  }
  return bytes;
}

// As a picture that was drawn anew without compression.
TEST_F(ChangedImages, AnotherOneOfTheSameSizeAndDimensionsRedoesItsShard) {
  write_test_images(path("images"), 5);
  write_bytes(path("images/d2.bmp"), picture(1, 1));
  ASSERT_EQ(run().code, 0);
  const auto others = {time_of("run/keys/000000.h5"), time_of("run/keys/000001.h5")};
  struct Case {
    std::string bytes;
    bool keeps_time;
  };
  for (const Case& one : {Case{picture(1, 2), false}, Case{picture(3, 2), true}}) {
    SCOPED_TRACE(one.keeps_time);
    fs::remove_all(path("new"));
    const auto written = time_of("images/d2.bmp");
    write_bytes(path("images/d2.bmp"), one.bytes);
    if (one.keeps_time) fs::last_write_time(path("images/d2.bmp"), written);
    for (const int ranks : {0, 2}) {
      const Outcome plan = command("plan", "run", {}, ranks);
      for (const char* line :
           {"extract   1 of 3 shards (an image was replaced)\n", "segment   1 of 3 shards (an image was replaced)\n",
            "cluster   K = 3 (an image was replaced)\n", "mask      K = 3: 3 of 3 shards"}) {
        EXPECT_NE(plan.out.find(line), std::string::npos) << line << plan;
      }
    }
    expect_refusal(run_program({"report", "run"}, {.folder = path("")}), 3, {"1 was replaced (d2.bmp)"});
    const Outcome replaced = run(2);
    EXPECT_EQ(replaced.code, 0) << replaced;
    EXPECT_NE(replaced.err.find("1 was replaced (d2.bmp)"), std::string::npos) << replaced;
    EXPECT_EQ((std::vector{time_of("run/keys/000000.h5"), time_of("run/keys/000001.h5")}), std::vector(others));
    expect_as_new();
  }
}

TEST_F(ChangedImages, TouchedAndCopiedOnesAreTheSame) {
  write_test_images(path("images"), 5);
  write_bytes(path("images/z.bmp"), picture(1, 1));
  ASSERT_EQ(run().code, 0);
  const auto expect_nothing_to_do = [&] {
    const Outcome plan = command("plan", "run");
    EXPECT_NE(plan.out.find("everything is up to date"), std::string::npos) << plan;
    const std::string list = bytes_of(path("run/images.h5"));
    const std::vector made = {time_of("run/keys/000002.h5"), time_of("run/clusters/k003/centroids.h5")};
    const Outcome outcome = run(2);
    EXPECT_EQ(outcome.code, 0) << outcome;
    EXPECT_EQ(outcome.err.find("replaced"), std::string::npos) << outcome;
    EXPECT_EQ((std::vector{time_of("run/keys/000002.h5"), time_of("run/clusters/k003/centroids.h5")}), made);
    EXPECT_NE(bytes_of(path("run/images.h5")), list) << "the next start would read them again";
  };
  for (const auto& image : fs::directory_iterator(path("images"))) {
    fs::last_write_time(image, fs::last_write_time(image) + std::chrono::hours(1));
  }
  expect_nothing_to_do();
  // A copy of run and images in other places, with times of their own.
  for (const char* name : {"images", "run"}) {
    fs::rename(path(name), path("original"));
    fs::copy(path("original"), path(name), fs::copy_options::recursive);
    fs::remove_all(path("original"));
  }
  expect_nothing_to_do();
  expect_as_new();
}

// Its shards tell what they were made from.
TEST_F(ChangedImages, AReplacedOneIsSeenWithoutTheList) {
  write_test_images(path("images"), 5);
  write_bytes(path("images/z.bmp"), picture(1, 1));
  ASSERT_EQ(run().code, 0);
  const auto first = time_of("run/keys/000000.h5");
  write_bytes(path("run/images.h5"), "nothing");
  write_bytes(path("images/z.bmp"), picture(1, 2));
  const Outcome plan = command("plan", "run");
  EXPECT_NE(plan.out.find("extract   1 of 3 shards (an image was replaced)"), std::string::npos) << plan;
  EXPECT_EQ(run().code, 0);
  EXPECT_EQ(time_of("run/keys/000000.h5"), first);
  expect_as_new();
}

TEST_F(ChangedImages, OneMayGo) {
  for (const bool is_readable : {true, false}) {
    SCOPED_TRACE(is_readable);
    for (const char* old : {"images", "run", "new"}) fs::remove_all(path(old));
    write_test_images(path("images"), 5);
    if (!is_readable) truncate(path("images/d.png"));
    ASSERT_EQ(run().code, is_readable ? 0 : 4);
    const auto first = time_of("run/keys/000000.h5");
    fs::remove(path("images/d.png"));
    const Outcome outcome = run();
    EXPECT_EQ(outcome.code, 0) << outcome;
    EXPECT_NE(outcome.err.find("1 is gone (d.png)"), std::string::npos) << outcome;
    EXPECT_EQ(time_of("run/keys/000000.h5"), first);
    EXPECT_FALSE(fs::exists(path("run/keys/000002.h5"))) << "of a shard that is no longer there";
    EXPECT_FALSE(fs::exists(path("run/masks/k003/d.png")));
    expect_as_new();
  }
}

TEST_F(ChangedImages, AChangedOneRedoesItsShard) {
  write_test_images(path("images"), 6);
  ASSERT_EQ(run().code, 0);
  const auto first = time_of("run/keys/000000.h5");
  write_png(path("images/d.png"), test_image(50, 60, 77));
  EXPECT_EQ(run().code, 0);
  EXPECT_EQ(time_of("run/keys/000000.h5"), first);
  expect_as_new();
}

TEST_F(ChangedImages, NewOnesAreDone) {
  write_test_images(path("images"), 4);
  ASSERT_EQ(run().code, 0);
  const auto first = time_of("run/keys/000000.h5");
  write_test_images(path("images"), 7);
  const Outcome outcome = run(3);
  EXPECT_EQ(outcome.code, 0) << outcome;
  EXPECT_NE(outcome.err.find("3 are new (e.png, …)"), std::string::npos) << outcome;
  EXPECT_NE(outcome.err.find("'datus apply'"), std::string::npos) << outcome;
  EXPECT_EQ(time_of("run/keys/000000.h5"), first);
  expect_as_new();
}

TEST_F(ChangedImages, TheReportIsOfTheListThatItWasMadeFrom) {
  write_test_images(path("images"), 4);
  ASSERT_EQ(run().code, 0);
  write_test_images(path("images"), 5);
  expect_refusal(run_program({"report", "run"}, {.folder = path("")}), 3, {"1 is new (e.png)", "Start the run again"});
}

TEST_F(ChangedImages, AListFromWhichNothingComesIsNotFrozen) {
  write_test_images(path("images"), 4);
  write_bytes(path("list.txt"), "pictures/a\npictures/b.png\npictures/c.png\npictures/d.png\n");
  const auto run_list = [&] { return command("run", "run", {"--set", "dataset.kind=list"}, 2, "list.txt"); };
  expect_refusal(run_list(), 3, {"None of the 4 images can be read", "pictures/a", "dataset.list"});
  EXPECT_FALSE(fs::exists(path("run/images.h5")));
  write_bytes(path("list.txt"), "images/a\nimages/b.png\nimages/c\n");
  const Outcome corrected = run_list();
  EXPECT_EQ(corrected.code, 0) << corrected;
  EXPECT_EQ(files_below(path("run/masks/k003")),
            (std::vector<std::string>{"images/a.png", "images/b.png", "images/c.png"}));
}

TEST_F(ChangedImages, ARunIsNoFolderOfImages) {
  write_test_images(path("images"), 4);
  ASSERT_EQ(run().code, 0);
  expect_refusal(command("run", "other", {}, 2, "run"), 2, {"run, which is a run of datus"});
  expect_refusal(command("run", "images", {}, 2), 2, {"images is the folder of the images"});
  expect_refusal(run_program(tiny_model({"extract", "--images", "run", "--weights", tiny_weights(), "--out", "k.h5"}),
                             {.folder = path("")}),
                 2, {"run, which is a run of datus"});
  for (const char* part : {"run/masks", "run/masks/k003", "run/report/pictures"}) {
    expect_refusal(command("run", "other", {}, 0, part), 2, {"a part of a run of datus"});
  }
  EXPECT_EQ(files_below(path("images")).size(), 4U);
}

// The directory of a run may be that of a project.
TEST_F(ChangedImages, PhotosMayLieBesideTheResults) {
  write_test_images(path("project/photos"), 4);
  for (int i = 0; i < 2; ++i) {
    const Outcome outcome = command("run", "project", {}, 0, "project/photos");
    EXPECT_EQ(outcome.code, 0) << outcome;
  }
  EXPECT_EQ(files_below(path("project/masks/k003")).size(), 4U);
}

}  // namespace changed_images_test
}  // namespace datus::test
