// SPDX-License-Identifier: Apache-2.0
#include "cli/plain_files.hpp"
#include "unit/model/weight_builders.hpp"

#include <fstream>
#include <string>
#include <vector>

// Weights as they are published, through the command line: Hugging Face files with what lies beside them, in parts.
namespace datus::test {
namespace backbones_test {

namespace fs = std::filesystem;

std::vector<half> keys_of(const fs::path& file) {
  const Hdf5Reader reader(file);
  const Shape shape = reader.shape("keys", 3);
  std::vector<half> keys(static_cast<std::size_t>(element_count(shape)));
  reader.read_rows<half>("keys", 0, shape[0], keys);
  return keys;
}

class Backbones : public ::testing::Test {
 protected:
  void SetUp() override {
    write_test_images(folder_ / "images", 2);
    // A folder as it is downloaded, in two parts with an index.
    fs::create_directories(folder_ / "hub");
    fs::copy_file(data_path("golden/vit/dinov3_p16_hf.config.json"), folder_ / "hub" / "config.json");
    nlohmann::json map;
    PlainTensors parts[2];
    int count = 0;
    for (const auto& [name, tensor] : load_plain(data_path("golden/vit/dinov3_p16_hf.safetensors"))) {
      const int part = ++count % 2;
      parts[part][name] = tensor;
      map[name] = "model-0000" + std::to_string(part + 1) + "-of-00002.safetensors";
    }
    for (const int part : {0, 1}) {
      write("model-0000" + std::to_string(part + 1) + "-of-00002.safetensors", safetensors_bytes(parts[part]));
    }
    write("model.safetensors.index.json", nlohmann::json{{"weight_map", map}}.dump());
  }
  void write(const std::string& name, const std::string& content) const {
    std::ofstream(folder_ / "hub" / name, std::ios::binary) << content;
  }
  [[nodiscard]] Outcome extract(const fs::path& weights, const std::string& out, const Arguments& settings = {}) const {
    Arguments arguments{"extract",
                        "--images",
                        (folder_ / "images").string(),
                        "--weights",
                        weights.string(),
                        "--out",
                        (folder_ / out).string(),
                        "--set",
                        "model.input_size=64"};
    for (const auto& setting : settings) arguments.insert(arguments.end(), {"--set", setting});
    return run_program(arguments);
  }

  TempFolder folder_;
};

TEST_F(Backbones, PartsOfAFileAreTheFile) {
  for (const auto& [weights, out] :
       {std::pair<fs::path, std::string>{data_path("golden/vit/dinov3_p16_hf.safetensors"), "one.h5"},
        {folder_ / "hub", "folder.h5"},
        {folder_ / "hub" / "model.safetensors.index.json", "index.h5"}}) {
    const Outcome outcome = extract(weights, out);
    ASSERT_EQ(outcome.code, 0) << outcome;
  }
  EXPECT_EQ(keys_of(folder_ / "folder.h5"), keys_of(folder_ / "one.h5"));
  EXPECT_EQ(keys_of(folder_ / "index.h5"), keys_of(folder_ / "one.h5"));
  const Outcome inspected = run_program({"inspect", (folder_ / "hub").string()});
  EXPECT_EQ(inspected.code, 0) << inspected;
  for (const std::string part :
       {"family DINOv3, Hugging Face naming", "config.json", "model-00002-of-00002.safetensors"}) {
    EXPECT_NE(inspected.out.find(part), std::string::npos) << inspected;
  }
  fs::remove(folder_ / "hub" / "model-00002-of-00002.safetensors");
  expect_refusal(extract(folder_ / "hub", "missing.h5"), 3, {"model-00002-of-00002.safetensors"});
}

TEST_F(Backbones, PixelsFollowTheDescriptionBesideTheWeights) {
  ASSERT_EQ(extract(folder_ / "hub", "own.h5").code, 0);
  write("preprocessor_config.json", R"({"image_mean": [0.4, 0.5, 0.6], "image_std": [0.2, 0.3, 0.4], "resample": 2})");
  ASSERT_EQ(extract(folder_ / "hub", "described.h5").code, 0);
  EXPECT_NE(keys_of(folder_ / "described.h5"), keys_of(folder_ / "own.h5"));
  const auto recorded = Hdf5Reader(folder_ / "described.h5").attribute<std::string>("/", "preprocessing");
  EXPECT_EQ(recorded.find("mean 0.4 0.5 0.6, std 0.2 0.3 0.4, bilinear, epsilon 1e-05, 2 heads, rotary positions"), 0U)
      << recorded;
  // Settings that are written go first.
  const Arguments settings{"model.mean=[0.4,0.5,0.6]", "model.std=[0.2,0.3,0.4]", "model.resample=bilinear"};
  fs::remove(folder_ / "hub" / "preprocessor_config.json");
  ASSERT_EQ(extract(folder_ / "hub", "set.h5", settings).code, 0);
  EXPECT_EQ(keys_of(folder_ / "set.h5"), keys_of(folder_ / "described.h5"));
  write("preprocessor_config.json", R"({"resample": 1})");
  expect_refusal(extract(folder_ / "hub", "refused.h5"), 3, {"preprocessor_config.json", "resample is 1"});
}

TEST_F(Backbones, AnotherModelsConfigurationIsRefused) {
  write("config.json", R"({"hidden_size": 384, "num_hidden_layers": 12, "num_attention_heads": 6})");
  expect_refusal(extract(folder_ / "hub", "other.h5"), 3, {"config.json", "384 wide"});
}

}  // namespace backbones_test
}  // namespace datus::test
