// SPDX-License-Identifier: Apache-2.0
#include "cli/plain_files.hpp"

#include <filesystem>
#include <string>

// Folders that hold more than images: other files, thumbnails, the runs themselves. What is left out is said once.
namespace datus::test {
namespace image_folder_test {

namespace fs = std::filesystem;

class ImageFolder : public testing::Test {
 protected:
  void SetUp() override { write_test_images(folder_.path(), 3); }

  /// `datus COMMAND` on the images of this test, below which the runs lie.
  [[nodiscard]] Outcome command(const std::string& name, const Arguments& more = {}, int ranks = 0) const {
    write_bytes(folder_ / "mine.yaml",
                "dataset: {images: .}\nsegment: {method: none}\ndescriptor: {kind: mean_key}\ncluster: {k: 3}\n"
                "model: {weights: '" +
                    tiny_weights() + "'}\n");
    Arguments arguments = tiny_model({name, "mine.yaml"});
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments, {.folder = folder_.path(), .ranks = ranks});
  }
  [[nodiscard]] Outcome extract() const {
    return run_program(tiny_model({"extract", "--images", ".", "--weights", tiny_weights(), "--out", keys().string()}),
                       {.folder = folder_.path()});
  }
  [[nodiscard]] fs::path path(const std::string& name) const { return folder_ / name; }
  [[nodiscard]] fs::path keys() const { return out_ / "keys.h5"; }

 private:
  TempFolder folder_;
  TempFolder out_;  // an output may not lie in a folder of images that is read
};

std::size_t count_in(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST_F(ImageFolder, RunsAmongTheImagesAreNoImages) {
  ASSERT_EQ(command("run").code, 0);
  ASSERT_TRUE(fs::exists(path("runs/mine/masks/k003/a.png")));
  const std::string list = bytes_of(path("runs/mine/images.h5"));
  const Outcome again = command("run");
  EXPECT_EQ(again.code, 0) << again;
  EXPECT_EQ(count_in(again.err, ": 1 datus run\n"), 1U) << again;
  EXPECT_EQ(bytes_of(path("runs/mine/images.h5")), list);
  EXPECT_EQ(command("run", {"--set", "cluster.k=2"}).code, 0);

  const Outcome other = command("run", {"--run", "runs/two"});
  EXPECT_EQ(other.code, 0) << other;
  EXPECT_EQ(bytes_of(path("runs/two/images.h5")), list);
  // A run that lost one of its files is a run all the same.
  for (const char* file : {"runs/mine/config.yaml", "runs/two/state.json"}) fs::remove(path(file));
  EXPECT_EQ(command("run", {"--run", "runs/three"}).code, 0);
  EXPECT_EQ(bytes_of(path("runs/three/images.h5")), list);

  ASSERT_EQ(extract().code, 0);
  EXPECT_EQ(Hdf5Reader(keys()).names("name"), (std::vector<std::string>{"a.png", "b.png", "c.png"}));
}

TEST_F(ImageFolder, OtherFilesAreSaidOnce) {
  fs::create_directories(path("@eaDir/a.png"));
  fs::copy(path("a.png"), path("@eaDir/a.png/SYNOPHOTO_THUMB_M.jpg"));
  for (const char* name : {"d.gif", "e.gif", "f.psd"}) write_bytes(path(name), "");
  const std::string line = ": 2 .gif, 1 .psd, 1 @eaDir folder\n";
  for (const Outcome& outcome : {command("plan"), command("plan", {}, 3), extract(), command("run", {}, 2)}) {
    EXPECT_EQ(outcome.code, 0) << outcome;
    EXPECT_EQ(count_in(outcome.err, "left out"), 1U) << outcome;
    EXPECT_EQ(count_in(outcome.err, line), 1U) << outcome;
  }
}

TEST_F(ImageFolder, FurtherPagesAreSaid) {
  if (run_program({"version"}).out.find("TIFF") == std::string::npos) GTEST_SKIP() << "this build reads no TIFF";
  for (const char* name : {"pages.tif", "rgb.tif"}) fs::copy(data_path(std::string("images/") + name), path(name));
  for (const Outcome& outcome : {command("plan", {}, 3), extract()}) {
    EXPECT_EQ(outcome.code, 0) << outcome;
    EXPECT_EQ(count_in(outcome.err, "1 image has further pages or frames: the first is taken (pages.tif)\n"), 1U)
        << outcome;
  }
  EXPECT_EQ(Hdf5Reader(keys()).names("name"),
            (std::vector<std::string>{"a.png", "b.png", "c.png", "pages.tif", "rgb.tif"}));
}

TEST_F(ImageFolder, AnImageIsAFolderOfOne) {
  const Arguments more = {"--weights", tiny_weights(), "--out", keys().string()};
  Arguments arguments = tiny_model({"extract", "--images", "b.png"});
  arguments.insert(arguments.end(), more.begin(), more.end());
  const Outcome outcome = run_program(arguments, {.folder = path("")});
  EXPECT_EQ(outcome.code, 0) << outcome;
  EXPECT_EQ(Hdf5Reader(keys()).names("name"), std::vector<std::string>{"b.png"});
  EXPECT_EQ(command("run", {"--set", "dataset.images=b.png", "--set", "cluster.k=2"}).code, 0);
  EXPECT_TRUE(fs::exists(path("runs/mine/masks/k002/b.png")));
}

TEST_F(ImageFolder, NothingLeftOutIsNotSaid) {
  const Outcome outcome = command("plan");
  EXPECT_EQ(outcome.code, 0) << outcome;
  EXPECT_EQ(count_in(outcome.err, "left out"), 0U) << outcome;
}

TEST_F(ImageFolder, NamesOfUnreadableImagesAreQuoted) {
  for (const char* name : {"x\ty.jpg", "x\ny.jpg", "x\\y.jpg"}) write_bytes(path(name), "x");
  EXPECT_EQ(command("run").code, 4);
  const std::string listed = bytes_of(path("runs/mine/unreadable.tsv"));
  EXPECT_EQ(count_in(listed, "\n"), 3U) << listed;
  EXPECT_EQ(count_in(listed, "\t"), 3U) << listed;
  for (const char* name : {"x\\ty.jpg", "x\\ny.jpg", "x\\\\y.jpg"}) {
    EXPECT_EQ(count_in("\n" + listed, "\n" + std::string(name) + "\t"), 1U) << listed;
    EXPECT_EQ(count_in(listed, name), 2U) << "not in the reason: " << listed;
  }
}

}  // namespace image_folder_test
}  // namespace datus::test
