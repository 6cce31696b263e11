// SPDX-License-Identifier: Apache-2.0
#include "datus/model/preprocessing.hpp"

#include "datus/core/error.hpp"
#include "datus/model/model_files.hpp"
#include "datus/model/vision_transformer.hpp"
#include "datus/model/weights_hash.hpp"
#include "datus/model/weights_summary.hpp"
#include "support/errors.hpp"
#include "support/golden.hpp"
#include "support/temp_folder.hpp"
#include "weight_builders.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

namespace datus::test {
namespace preprocessing_test {

using Three = std::array<float, 3>;

class BesideWeights : public ::testing::Test {
 protected:
  void SetUp() override { std::ofstream(weights) << "weights"; }
  void write(const std::string& name, const std::string& text) const { std::ofstream(folder.path() / name) << text; }
  [[nodiscard]] Preprocessing found() const {
    return find_preprocessing(weights, {{0.1F, 0.2F, 0.3F}, {1, 2, 3}, Resample::bicubic, "own", "doubt"});
  }
  void expect_refused(const std::string& text, const std::string& part) const {
    write("preprocessor_config.json", text);
    SCOPED_TRACE(text);
    expect_error<InputError>([&] { (void)found(); }, {part, "preprocessor_config.json"});
  }

  TempFolder folder;
  std::filesystem::path weights = folder.path() / "model.safetensors";
};

TEST_F(BesideWeights, NothingIsTheFamilysOwn) {
  const auto own = found();
  EXPECT_EQ(own.mean, (Three{0.1F, 0.2F, 0.3F}));
  EXPECT_EQ(own.source, "own");
  EXPECT_EQ(own.doubt, "doubt");
  EXPECT_EQ(model_files(weights).size(), 1U);
  EXPECT_EQ(hash_model_files(weights), hash_file(weights));
}

TEST_F(BesideWeights, HuggingFacesDescriptionGoesFirst) {
  write("config.json", R"({"pretrained_cfg": {"mean": [0.9, 0.9, 0.9]}})");
  write("preprocessor_config.json",
        R"({"image_mean": [0.43, 0.411, 0.296], "image_std": [0.213, 0.156, 0.143], "resample": 2, "do_resize": true,
            "rescale_factor": 0.00392156862745098})");
  const auto result = found();
  EXPECT_EQ(result.mean, (Three{0.43F, 0.411F, 0.296F}));
  EXPECT_EQ(result.standard_deviation, (Three{0.213F, 0.156F, 0.143F}));
  EXPECT_EQ(result.resample, Resample::bilinear);
  EXPECT_TRUE(result.doubt.empty());
  EXPECT_NE(result.source.find("preprocessor_config.json"), std::string::npos);
}

TEST_F(BesideWeights, TimmsDescription) {
  write("config.json",
        R"({"pretrained_cfg": {"mean": [0.5, 0.5, 0.5], "std": [0.4, 0.5, 0.6], "interpolation": "bilinear"}})");
  EXPECT_EQ(found().mean, (Three{0.5F, 0.5F, 0.5F}));
  EXPECT_EQ(found().standard_deviation, (Three{0.4F, 0.5F, 0.6F}));
  EXPECT_EQ(found().resample, Resample::bilinear);
  write("config.json", R"({"hidden_size": 3})");
  EXPECT_EQ(found().source, "own");
}

TEST_F(BesideWeights, WhatCannotBeFollowedIsRefused) {
  expect_refused(R"({"resample": 1})", "resample is 1");
  expect_refused(R"({"image_std": [0.5, 0, 0.5]})", "standard deviation");
  expect_refused(R"({"image_mean": [0.5, 0.5]})", "image_mean");
  expect_refused(R"({"image_mean": 0.5})", "image_mean");
  expect_refused(R"({"rescale_factor": 0.5})", "rescale_factor");
  expect_refused(R"({"do_normalize": false})", "do_normalize is false");
  expect_refused("no json", "not JSON");
}

TEST_F(BesideWeights, TheHashCoversThem) {
  const Hash alone = hash_model_files(weights);
  write("preprocessor_config.json", R"({"resample": 2})");
  const Hash with = hash_model_files(weights);
  write("preprocessor_config.json", R"({"resample": 3})");
  EXPECT_NE(alone, with);
  EXPECT_NE(hash_model_files(weights), with);
}

TEST(WeightsSummary, SaysWhatIsUsedAndWhatIsNot) {
  ViTOptions options;
  options.heads = 2;
  const auto path = data_path("golden/vit/mae_p16.pth");
  const auto summary = summarise_weights(path, options);
  EXPECT_EQ(summary.architecture.family, "MAE with its decoder");
  EXPECT_EQ(summary.branch, "model.");
  EXPECT_EQ(summary.types, (std::map<std::string, std::int64_t>{{"float32", 30}}));
  EXPECT_EQ(summary.hash, hash_model_files(path));  // as config.yaml of a run
  const auto mentions = [&](const std::string& why) {
    return std::ranges::any_of(summary.unused, [&](const auto& unused) { return unused.why == why; });
  };
  EXPECT_TRUE(mentions("MAE's decoder"));
  EXPECT_TRUE(mentions("stands for masked patches in training"));
  const auto full = summarise_weights(data_path("golden/vit/dino_p16_full.pth"), options);
  ASSERT_EQ(full.unused.size(), 1U);
  EXPECT_EQ(full.unused[0].why, "outside of teacher.backbone.");
}

TEST(WeightsSummary, CountsParametersAsTheyAreStored) {
  const auto path = data_path("golden/vit/dinov2_p14.safetensors");
  ViTOptions options;
  options.heads = 2;
  // 2 blocks of 32: norms, qkv, projection, MLP of 128, two scales; tokens, 26 positions, 14 x 14 patches, last norm.
  constexpr std::int64_t block = 4 * 32 + (3 * 32 * 32 + 3 * 32) + (32 * 32 + 32) + (2 * 128 * 32 + 128 + 32) + 2 * 32;
  constexpr std::int64_t all = 2 * block + 32 + 26 * 32 + (3 * 14 * 14 + 1) * 32 + 2 * 32;
  EXPECT_EQ(summarise_weights(path, options).architecture.parameters, all);
}

/// One file with the student and the teacher of a training, both the golden model.
std::string write_student_and_teacher(const TempFolder& folder) {
  PlainTensors both;
  for (const auto& [name, tensor] : load_plain(data_path("golden/vit/dino_p16.safetensors"))) {
    for (const char* branch : {"student.", "teacher."}) both[branch + name] = tensor;
  }
  const std::string path = (folder / "both.safetensors").string();
  write_bytes(path, safetensors_bytes(both));
  return path;
}

TEST(WeightsHash, TellsTheModelsOfAFileApart) {
  const TempFolder folder;
  const std::string path = write_student_and_teacher(folder);
  const Hash teacher = hash_model(path, "teacher");
  EXPECT_EQ(hash_model(path, "auto"), teacher);
  EXPECT_NE(hash_model(path, "student"), teacher);
  EXPECT_NE(teacher, hash_model_files(path));
  ViTOptions options;
  options.heads = 2;
  EXPECT_EQ(summarise_weights(path, options).hash, teacher);
  options.branch = "student";
  EXPECT_EQ(summarise_weights(path, options).hash, hash_model(path, "student"));
}

TEST(WeightsHash, OfAFileWithOneModelOrNone) {
  const TempFolder folder;
  const auto alone = data_path("golden/vit/dino_p16.safetensors");
  EXPECT_EQ(hash_model(alone, "auto"), hash_file(alone));
  const std::string both = write_student_and_teacher(folder);
  EXPECT_EQ(hash_model(both, "pupil"), hash_file(both));
  write_bytes(folder / "text.pth", "no weights");
  EXPECT_EQ(hash_model(folder / "text.pth", "auto"), hash_file(folder / "text.pth"));
  EXPECT_THROW((void)hash_model(folder / "missing.pth", "auto"), InputError);
}

}  // namespace preprocessing_test
}  // namespace datus::test
