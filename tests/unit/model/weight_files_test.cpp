// SPDX-License-Identifier: Apache-2.0
// Weights that lie in several files, and what a path stands for.

#include "datus/model/weight_files.hpp"

#include "datus/model/model_files.hpp"
#include "datus/model/weights.hpp"
#include "model/weights/weight_parts.hpp"
#include "support/errors.hpp"
#include "support/temp_folder.hpp"
#include "unit/model/weight_builders.hpp"

#include <string>

#include <gtest/gtest.h>

namespace datus::test {
namespace weight_files_test {

const std::string first = "model-00001-of-00002.safetensors";
const std::string second = "model-00002-of-00002.safetensors";

std::string index_text(const std::map<std::string, std::string>& map) {
  return nlohmann::json{{"metadata", {{"total_size", 20}}}, {"weight_map", map}}.dump(2);
}

class WeightFilesTest : public ::testing::Test {
 protected:
  WeightFilesTest() {
    write(first, safetensors_bytes({{"a", {{2}, {1, 2}}}, {"b", {{1}, {3}}}}));
    write(second, safetensors_bytes({{"c", {{2}, {4, 5}}}}));
    write_index({{"a", first}, {"b", first}, {"c", second}});
  }

  void write(const std::string& name, const std::string& bytes) const { write_bytes(folder_ / name, bytes); }
  void write_index(const std::map<std::string, std::string>& map) const { write(index_, index_text(map)); }
  [[nodiscard]] std::string error(const std::string& name = "model.safetensors.index.json") const {
    return error_if_any<InputError>([&] { (void)WeightFile::open(folder_ / name); });
  }
  [[nodiscard]] std::string path(const std::string& name) const { return (folder_ / name).string(); }

  TempFolder folder_;
  std::string index_ = "model.safetensors.index.json";
};

TEST_F(WeightFilesTest, ShardsAreReadThroughTheirIndex) {
  const auto read = load_plain(path(index_));
  ASSERT_EQ(read.size(), 3U);
  EXPECT_EQ(read.at("a").values, (std::vector<float>{1, 2}));
  EXPECT_EQ(read.at("b").values, (std::vector<float>{3}));
  EXPECT_EQ(read.at("c").values, (std::vector<float>{4, 5}));
  EXPECT_EQ(WeightFile::open(folder_ / index_).source(), path(index_));
}

TEST_F(WeightFilesTest, ShardsMayBeCheckpointsOfAnyVersion) {
  const auto pickle = [](const std::string& name) {
    return "}" + pickle_text(name) + pickle_tensor("0", 2, 0, {2}, {1}) + "s";
  };
  write("pytorch_model-00001-of-00002.bin", checkpoint_bytes(pickle("x"), {1, 2}));
  write("pytorch_model-00002-of-00002.bin", legacy_bytes(pickle("y"), {3, 4}));
  write("pytorch_model.bin.index.json",
        index_text({{"x", "pytorch_model-00001-of-00002.bin"}, {"y", "pytorch_model-00002-of-00002.bin"}}));
  const auto read = load_plain(path("pytorch_model.bin.index.json"));
  EXPECT_EQ(read.at("x").values, (std::vector<float>{1, 2}));
  EXPECT_EQ(read.at("y").values, (std::vector<float>{3, 4}));
}

TEST_F(WeightFilesTest, AFolderIsWhatItHolds) {
  EXPECT_EQ(load_plain(folder_.path().string()).size(), 3U);
  write("pytorch_model.bin", "not read: the index of safetensors goes first");
  EXPECT_EQ(load_plain(folder_.path().string()).size(), 3U);
  write("model.safetensors", safetensors_bytes({{"z", {{1}, {3}}}}));
  EXPECT_EQ(load_plain(folder_.path().string()).size(), 1U);
  std::filesystem::create_directory(folder_ / "empty");
  expect_part(error("empty"), path("empty") + " (it holds neither model.safetensors nor");
  write("empty/__0_0.distcp", "a part of a distributed checkpoint");
  const std::string convert = "format_utils dcp_to_torch " + path("empty") + " NEW.pth";
  expect_part(error("empty"), convert);
  expect_part(error("empty/__0_0.distcp"), convert);
}

TEST_F(WeightFilesTest, OneShardIsNotTheModel) {
  expect_part(error(second),
              path(second) + " (it is one of 2 parts of a model) Set model.weights to their index, " + path(index_));
  std::filesystem::remove(folder_ / index_);
  expect_part(error(second), "Put their index, model.safetensors.index.json, and all parts into its folder");
  write("model-00001-of-00001.safetensors", safetensors_bytes({{"z", {{1}, {3}}}}));
  EXPECT_EQ(error("model-00001-of-00001.safetensors"), "no error");
}

TEST_F(WeightFilesTest, IndexAndShardsMustAgree) {
  write_index({{"a", first}, {"b", first}});
  expect_part(error(), path(index_) + " (it names 1 parts, but one is " + first);
  write_index({{"a", first}, {"c", second}});
  expect_part(error(), path(first) + " (it holds tensor b, which " + path(index_) + " does not name)");
  write_index({{"a", first}, {"b", second}, {"c", second}});
  expect_part(error(), path(first) + " (it holds tensor b, which " + path(index_) + " puts into " + path(second));
  write_index({{"a", first}, {"b", first}, {"c", second}, {"d", second}});
  expect_part(error(), path(second) + " (it has no tensor d, which " + path(index_) + " puts into it)");
  write_index({{"a", first}, {"b", first}, {"c", second}});
  write(second, safetensors_bytes({{"c", {{2}, {4, 5}}}, {"b", {{1}, {3}}}}));
  expect_part(error(), path(second) + " (tensor b lies in " + path(first) + " too)");
  write(second, "garbage");
  expect_part(error(), path(second) + " (neither .safetensors nor");
  std::filesystem::remove(folder_ / second);
  expect_part(error(), path(second) + " (No such file, but " + path(index_) + " puts tensor c into it)");
}

TEST_F(WeightFilesTest, ShardsLieBesideTheirIndex) {
  for (const std::string name : {"/etc/passwd", "../model.safetensors", "..", ".", "", "a/b", "a\\b", "a\nb"}) {
    write_index({{"a", name}});
    expect_part(error(), path(index_) + " (its weight_map puts tensor a into ");
  }
  // A part that is an index would lead on and on.
  write_index({{"a", index_}});
  expect_part(error(), path(index_) + " (an index of parts inside");
}

TEST_F(WeightFilesTest, DamagedIndicesAreRefused) {
  const auto refused = [&](const std::string& text, const std::string& part) {
    write(index_, text);
    expect_part(error(), path(index_) + " (");
    expect_part(error(), part);
  };
  refused(R"({"weight_map": {"a": "x", "a": "y"}})", "the index names a twice");
  refused(R"({"weight_map": {"a": 1}})", "names no file for tensor a");
  refused(R"({"weight_map": {}})", "its weight_map is empty");
  refused(R"({"weight_map": ["a"]})", "no weight_map");
  refused(R"({"metadata": {}})", "no weight_map");
  refused(R"({"weight_map": {"a")", "the index is not JSON");
  refused(R"({"a": [[[[[[1]]]]]]})", "the index is nested too deeply");
  refused(R"([1, 2, 3, 4, 5])", "it is not JSON, as an index is");
  refused("{\"" + std::string(17U << 20U, ' ') + "\"}", "the index has");
}

TEST_F(WeightFilesTest, TheHashCoversEveryFile) {
  const Hash before = hash_model_files(folder_ / index_);
  EXPECT_EQ(hash_model_files(folder_.path()), before);
  write(second, safetensors_bytes({{"c", {{2}, {4, 6}}}}));
  EXPECT_NE(hash_model_files(folder_ / index_), before);
  write("alone.safetensors", safetensors_bytes({{"z", {{1}, {3}}}}));
  EXPECT_EQ(hash_model_files(folder_ / "alone.safetensors"), hash_file(folder_ / "alone.safetensors"));
}

TEST(PartName, IsTakenApart) {
  const auto parsed = parse_part_name("a-b-00002-of-00015.safetensors");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->stem, "a-b");
  EXPECT_EQ(parsed->number, 2);
  EXPECT_EQ(parsed->count, 15);
  EXPECT_EQ(parsed->extension, ".safetensors");
  for (const char* name : {"model.safetensors", "00002-of-00015.bin", "-of-", "x-0002-of-00015.bin",
                           "x-00002-of-0015.b", "x-000+2-of-00015.bin", "x-00002-of-00015"}) {
    EXPECT_FALSE(parse_part_name(name)) << name;
  }
}

}  // namespace weight_files_test
}  // namespace datus::test
