// SPDX-License-Identifier: Apache-2.0
// The report: one file without a request to anywhere, the same bytes however it came about, drawn once.

#include "cli/plain_files.hpp"
#include "datus/io/hdf5_reader.hpp"
#include "datus/io/image_reader.hpp"
#include "datus/pipeline/report_limits.hpp"
#include "support/run_files.hpp"
#include "support/temp_folder.hpp"

#include <filesystem>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace datus::test {
namespace report_test {

namespace fs = std::filesystem;
using Json = nlohmann::json;

const std::string hostile = R"(it's "<script>alert(1)<.png)";  // a slash is for folders

class Report : public testing::Test {
 protected:
  [[nodiscard]] fs::path path(const std::string& name) const { return folder_ / name; }

  /// Five photos with ground truth of two classes, and a configuration.
  void write_data() const {
    write_test_images(path("images"), 5);
    fs::rename(path("images/b.png"), path("images") / hostile);
    for (const std::string& name : files_below(path("images"))) {
      const ImageHeader header = read_image_header(path("images") / name);
      std::vector<std::uint8_t> truth;
      for (int i = 0; i < header.height * header.width; ++i) {
        truth.push_back(static_cast<std::uint8_t>(i % header.width / 16 % 2));
      }
      fs::create_directories(path("truth"));
      write_grey_png(path("truth") / name, truth, header.height, header.width);
    }
    write_bytes(path("names.txt"), "sea <b>floor</b>\n\"rock\"\n");
    write_bytes(path("mine.yaml"),
                "dataset: {kind: index_png, images: images, truth: truth, classes: names.txt, shard_size: 2}\n"
                "affinity: {center: image}\nsegment: {min_patches: 2}\ndescriptor: {kind: mean_key}\n"
                "cluster: {k: [2, 3], fine: 4}\nmodel: {weights: '" +
                    tiny_weights() + "', heads: 2, input_size: 32}\n");
  }

  Outcome run(const Arguments& settings = {}, int ranks = 0) const {
    Arguments arguments = {"run", "mine.yaml", "--run", "run"};
    for (const std::string& setting : settings) arguments.insert(arguments.end(), {"--set", setting});
    return run_program(arguments, {.folder = path(""), .ranks = ranks});
  }
  Outcome report(const Arguments& more = {}, int ranks = 0) const {
    Arguments arguments = {"report", "run"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments, {.folder = path(""), .ranks = ranks});
  }
  [[nodiscard]] std::string page() const { return bytes_of(path("run/report/index.html")); }
  [[nodiscard]] Json data() const {
    const std::string text = page();
    const std::string mark = "id=\"data\">";
    const auto begin = text.find(mark) + mark.size();
    return Json::parse(text.substr(begin, text.find("</script>", begin) - begin));
  }
  /// When each file of the report was written.
  [[nodiscard]] std::map<std::string, fs::file_time_type> times() const {
    std::map<std::string, fs::file_time_type> found;
    for (const std::string& name : files_below(path("run/report"))) {
      found[name] = fs::last_write_time(path("run/report") / name);
    }
    return found;
  }

 private:
  TempFolder folder_;
};

/// What the page would ask for: the values of src and href.
std::vector<std::string> addresses_in(const std::string& page) {
  const std::string html = page.substr(0, page.rfind("<script>"));  // without the program's own script
  std::vector<std::string> found;
  for (const char* attribute : {" src=\"", " href=\""}) {
    for (auto at = html.find(attribute); at != std::string::npos; at = html.find(attribute, at + 1)) {
      const auto begin = at + std::string(attribute).size();
      found.push_back(html.substr(begin, html.find('"', begin) - begin));
    }
  }
  return found;
}

TEST_F(Report, IsOneFileThatAsksForNothing) {
  write_data();
  const Outcome outcome = run();
  ASSERT_EQ(outcome.code, 0) << outcome;
  const std::string text = page();
  EXPECT_EQ(text.find("http:"), std::string::npos);
  EXPECT_EQ(text.find("https:"), std::string::npos);
  std::size_t pictures = 0;
  for (const std::string& address : addresses_in(text)) {
    const bool is_inside = address.starts_with("data:image/") || address.starts_with("#");
    EXPECT_TRUE(is_inside || fs::exists(path("run/report") / address)) << address.substr(0, 100);
    pictures += address.starts_with("data:image/") ? 1 : 0;
  }
  EXPECT_GT(pictures, 10U) << "photos, masks and cut-outs";
  EXPECT_EQ(data()["images"].size(), 5U);
  const Json of_page = data();
  for (const Json& image : of_page["images"]) {
    EXPECT_EQ(image["layers"], Json({"k002", "k003", "segments", "truth"})) << image["name"];
  }
  EXPECT_TRUE(bytes_of(path("run/summary.js")).starts_with("datusJob({"));
  // Each segment of so small a run is a dot, at each K.
  const auto segments = Hdf5Reader(path("run/descriptors.h5")).shape("descriptor", 2)[0];
  std::int64_t dots = 0;
  for (auto at = text.find("h0M"); at != std::string::npos; at = text.find("h0M", at + 1)) ++dots;
  for (auto at = text.find("h0\""); at != std::string::npos; at = text.find("h0\"", at + 1)) ++dots;
  EXPECT_EQ(dots, 2 * segments);
}

TEST_F(Report, TextsAreTexts) {
  write_data();
  ASSERT_EQ(run().code, 0);
  const std::string text = page();
  EXPECT_EQ(text.find("<script>alert"), std::string::npos);
  EXPECT_EQ(text.find("<b>floor"), std::string::npos);
  EXPECT_NE(text.find("it&#39;s &quot;&lt;script&gt;alert(1)&lt;.png"), std::string::npos);
  std::set<std::string> names;
  const Json of_page = data();
  for (const Json& image : of_page["images"]) names.insert(image["name"]);
  EXPECT_TRUE(names.contains(hostile));
  EXPECT_EQ(data()["classes"][0]["name"], "sea <b>floor</b>");
}

// Pixels of clusters and classes, counted by evaluation from the same masks.
TEST_F(Report, CountsWhatEvaluationCounts) {
  write_data();
  ASSERT_EQ(run().code, 0);
  const Json strict = Json::parse(bytes_of(path("run/scores/k003.json")))["strict"];
  std::vector<std::vector<std::int64_t>> counts(3, std::vector<std::int64_t>(2));
  const Json of_page = data();
  for (const Json& image : of_page["images"]) {
    for (const Json& cell : image["pixels"]["3"]) {
      if (cell[0] >= 0 && cell[1] >= 0) counts[cell[0]][cell[1]] += cell[2].get<std::int64_t>();
    }
  }
  EXPECT_EQ(Json(counts), strict["counts"]);
}

TEST_F(Report, IsTheSameOnAnyNumberOfRanksAndDrawnOnce) {
  write_data();
  ASSERT_EQ(run().code, 0);
  const Contents first = results_of(path("run"));
  for (const int ranks : {2, 3}) {
    fs::remove_all(path("run/report"));
    const Outcome outcome = report({}, ranks);
    ASSERT_EQ(outcome.code, 0) << outcome;
    EXPECT_EQ(joined_lines(differences(path("run"), first)), "") << ranks;
  }
  const auto before = times();
  ASSERT_EQ(run().code, 0);
  EXPECT_EQ(times(), before) << "nothing has changed";
  // Other scores: another page with the same pictures.
  ASSERT_EQ(run({"evaluate.protocols=[strict]"}).code, 0);
  auto after = times();
  EXPECT_NE(after["index.html"], before.at("index.html"));
  after["index.html"] = before.at("index.html");
  EXPECT_EQ(after, before);
}

TEST_F(Report, WhatHasChangedIsDrawnAgain) {
  write_data();
  ASSERT_EQ(run().code, 0);
  const auto before = times();
  const std::string text = page();
  // Damage is not taken over.
  std::string bytes = bytes_of(path("run/report/pictures/000002.js"));
  bytes[bytes.size() / 2] ^= 1;
  write_bytes(path("run/report/pictures/000002.js"), bytes);
  ASSERT_EQ(report().code, 0);
  EXPECT_EQ(page(), text);
  // Ground truth of one image.
  const ImageHeader header = read_image_header(path("images/c.png"));
  write_grey_png(path("truth/c.png"),
                 std::vector<std::uint8_t>(static_cast<std::size_t>(header.height * header.width), 1), header.height,
                 header.width);
  ASSERT_EQ(run().code, 0);
  EXPECT_NE(page(), text);
  EXPECT_NE(times()["pictures/000002.js"], before.at("pictures/000002.js"));
}

TEST_F(Report, OfManyImagesHasPicturesApart) {
  fs::create_directories(path("images"));
  const int count = report_images + 1;
  for (int i = 0; i < count; ++i) {
    write_png(path("images") / ("i" + std::to_string(1000 + i) + ".png"), test_image(24, 24, static_cast<unsigned>(i)));
  }
  write_bytes(path("mine.yaml"),
              "dataset: {kind: folder, images: images}\nsegment: {method: none}\ndescriptor: {kind: mean_key}\n"
              "cluster: {k: 2, fine: null}\nmodel: {weights: '" +
                  tiny_weights() + "', heads: 2, input_size: 32}\n");
  ASSERT_EQ(run().code, 0);
  EXPECT_EQ(data()["images"].size(), static_cast<std::size_t>(report_images)) << "unless more are asked for";
  EXPECT_FALSE(data()["apart"]);
  const Outcome all = report({"--images", "1000"}, 2);
  ASSERT_EQ(all.code, 0) << all;
  EXPECT_TRUE(data()["apart"]);
  EXPECT_EQ(data()["images"].size(), static_cast<std::size_t>(count));
  std::size_t pictures = 0;
  fs::rename(path("run/report"), path("moved"));
  for (const std::string& address : addresses_in(bytes_of(path("moved/index.html")))) {
    if (!address.starts_with("pictures/")) continue;
    EXPECT_TRUE(fs::exists(path("moved") / address)) << address;
    EXPECT_TRUE(fs::exists((path("moved") / address).replace_extension(".js"))) << address;
    ++pictures;
  }
  EXPECT_EQ(pictures, 2U * static_cast<std::size_t>(count)) << "a photo and a mask of each";
  fs::rename(path("moved"), path("run/report"));
  EXPECT_EQ(run_program({"inspect", "--verify", "run"}, {.folder = path("")}).code, 0);
  ASSERT_EQ(report({"--images", "3"}).code, 0);
  for (const std::string& name : files_below(path("run/report/pictures"))) EXPECT_TRUE(name.ends_with(".js")) << name;
}

TEST_F(Report, ShowsTheNamesThatAPersonGave) {
  write_data();
  ASSERT_EQ(run().code, 0);
  write_bytes(path("named.yaml"), "0: \"eel <i>\"\n2: ray\n");
  expect_refusal(report({"--names", "named.yaml"}, 2), 2, {"named.yaml", "K = 2, 3", "--k"});
  expect_refusal(report({"--names", "named.yaml", "--k", "2"}, 2), 2, {"named.yaml:2", "not a cluster from 0 to 1"});
  expect_refusal(report({"--names", "named.yaml", "--k", "7"}), 2, {"K = 7", "K = 2, 3"});
  EXPECT_EQ(report({"--k", "3"}).code, 2) << "of no effect alone";
  const Outcome named = report({"--names", "named.yaml", "--k", "3"});
  ASSERT_EQ(named.code, 0) << named;
  EXPECT_EQ(data()["results"][1]["clusters"][0]["title"], "0 · eel <i>");
  EXPECT_EQ(data()["results"][1]["clusters"][2]["title"], "2 · ray");
  EXPECT_NE(page().find("value=\"eel &lt;i&gt;\""), std::string::npos) << "to be changed further";
  // Without ground truth the names are the classes.
  fs::remove_all(path("run/scores"));
  ASSERT_EQ(run({"dataset.kind=folder", "dataset.truth=null"}).code, 0);
  ASSERT_EQ(report({"--names", "named.yaml", "--k", "3"}).code, 0);
  EXPECT_EQ(data()["classes"][1]["name"], "ray");
  EXPECT_EQ(data()["results"][1]["clusters"][2]["class"], 1);
}

TEST_F(Report, KeepsTheNamesThatAPersonGave) {
  write_data();
  ASSERT_EQ(run().code, 0);
  write_bytes(path("named.yaml"), "0: eel\n2: ray\n");
  const Outcome named = report({"--names", "named.yaml", "--k", "3"}, 2);
  ASSERT_EQ(named.code, 0) << named;
  EXPECT_NE(named.err.find("run/clusters/k003/names.yaml"), std::string::npos) << named;
  fs::remove(path("named.yaml"));
  ASSERT_EQ(report().code, 0);
  EXPECT_EQ(data()["results"][1]["clusters"][2]["title"], "2 · ray");
  ASSERT_EQ(run().code, 0);
  EXPECT_EQ(data()["results"][1]["clusters"][2]["title"], "2 · ray") << "after a run too";
  EXPECT_EQ(run_program({"inspect", "--verify", "run"}, {.folder = path("")}).code, 0);
  // Other clusters.
  ASSERT_EQ(run({"run.seed=9"}).code, 0);
  EXPECT_EQ(page().find("2 · ray"), std::string::npos);
  EXPECT_NE(page().find("are of other clusters than the run has now"), std::string::npos);
  ASSERT_EQ(run().code, 0);
  EXPECT_NE(page().find("2 · ray"), std::string::npos) << "the clusters are those again";
  ASSERT_EQ(report({"--names", "none", "--k", "2"}).code, 0);
  EXPECT_NE(page().find("2 · ray"), std::string::npos) << "of the other K";
  const Outcome dropped = report({"--names", "none"});
  ASSERT_EQ(dropped.code, 0) << dropped;
  EXPECT_EQ(page().find("2 · ray"), std::string::npos);
  EXPECT_FALSE(fs::exists(path("run/clusters/k003/names.yaml")));
  EXPECT_EQ(run_program({"inspect", "--verify", "run"}, {.folder = path("")}).code, 0);
}

TEST_F(Report, ShowsNoScoresOfAnEarlierState) {
  write_data();
  ASSERT_EQ(run().code, 0);
  EXPECT_NE(page().find("<td>strict</td>"), std::string::npos);
  ASSERT_EQ(run({"dataset.kind=folder", "dataset.truth=null"}).code, 0);
  EXPECT_TRUE(fs::exists(path("run/scores/k003.json")));
  EXPECT_EQ(page().find("<td>strict</td>"), std::string::npos);
  EXPECT_NE(page().find("an earlier job had ground truth, the run has none now"), std::string::npos);
  EXPECT_EQ(data()["classes"][1]["name"], "\"rock\"") << "clusters keep their classes";
  const Outcome table = run_program({"leaderboard", "run"}, {.folder = path("")});
  expect_refusal(table, 3, {"There are no scores", "the run has none now"});
  const Outcome overview = run_program({"inspect", "run"}, {.folder = path("")});
  EXPECT_NE(overview.out.find("the run has none now"), std::string::npos) << overview;
  // Scores by other settings than those of the run.
  ASSERT_EQ(run().code, 0);
  EXPECT_NE(page().find("<td>strict</td>"), std::string::npos);
  const Outcome other = report({"--set", "dataset.void=3"});
  ASSERT_EQ(other.code, 0) << other;
  EXPECT_EQ(page().find("<td>strict</td>"), std::string::npos);
  EXPECT_NE(page().find("an earlier job made them with other settings"), std::string::npos);
}

}  // namespace report_test
}  // namespace datus::test
