// SPDX-License-Identifier: Apache-2.0
#include "cli/plain_files.hpp"
#include "cli/suite_folder.hpp"
#include "datus/io/image_reader.hpp"
#include "datus/io/mask_file.hpp"
#include "datus/model/input_geometry.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

// The commands on plain files one after the other, on the sample's photos: extract, segment, describe, cluster, mask,
// evaluate. What a script would do that keeps every file.
namespace datus::test {
namespace chain_test {

namespace fs = std::filesystem;

const Arguments settings = {"--set", "model.input_size=160",  "--set", "affinity.center=image",
                            "--set", "segment.min_patches=2", "--set", "descriptor.kind=mean_token"};

Arguments with_settings(Arguments arguments) {
  arguments.insert(arguments.end(), settings.begin(), settings.end());
  return arguments;
}

class Chain : public SuiteFolder<Chain> {
 protected:
  static void SetUpTestSuite() {
    const std::vector<Arguments> commands = {
        {"extract", "--images", images(), "--weights", weights(), "--out", file("keys.h5")},
        {"segment", "--keys", file("keys.h5"), "--out", file("segments.h5")},
        {"describe", "--images", images(), "--segments", file("segments.h5"), "--weights", weights(), "--out",
         file("descriptors.h5")},
        {"cluster", "--descriptors", file("descriptors.h5"), "--k", "4", "--out", file("clusters.h5")},
        {"mask", "--segments", file("segments.h5"), "--clusters", file("clusters.h5") + ":/k004", "--images", images(),
         "--out", file("masks")},
    };
    for (const auto& command : commands) {
      const Outcome outcome = run_program(with_settings(command));
      ASSERT_EQ(outcome.code, 0) << command[0] << ": " << outcome;
    }
  }
  static std::string file(const std::string& name) { return (suite_folder() / name).string(); }
  static std::string images() { return source_path("data/suim8/images").string(); }
  static std::string weights() { return source_path("data/weights/demo_vit_tiny_patch16.safetensors").string(); }

  /// `mask` into `out` with other images.
  static Outcome masks_of(const std::string& other_images, const std::string& out, const Arguments& more = {},
                          const Launch& launch = {}) {
    Arguments arguments = {"mask",
                           "--segments",
                           file("segments.h5"),
                           "--clusters",
                           file("clusters.h5") + ":/k004",
                           "--images",
                           other_images,
                           "--out",
                           file(out)};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(with_settings(arguments), launch);
  }
  static std::map<std::string, std::string> contents(const std::string& name) {
    std::map<std::string, std::string> result;
    for (const auto& entry : files_below(file(name))) result[entry] = bytes_of(fs::path(file(name)) / entry);
    return result;
  }
};

// What smoothes embeddings for masks on a GPU needs none.
TEST_F(Chain, DenseMasksNeedNoGpu) {
  if (run_program({"version"}).out.find("GPUs      none") == std::string::npos) GTEST_SKIP() << "there are GPUs to use";
  const auto masks = [&](const std::string& out, const std::string& device) {
    return run_program({"mask", "--keys", file("keys.h5"), "--clusters", file("clusters.h5") + ":/k004", "--images",
                        images(), "--out", file(out), "--set", "mask.labels=dense", "--set", "descriptor.kind=mean_key",
                        "--set", "descriptor.smoothing=0.05", "--set", "model.device=" + device});
  };
  for (const char* device : {"cpu", "cuda"}) {
    const Outcome outcome = masks(std::string("dense_") + device, device);
    ASSERT_EQ(outcome.code, 0) << outcome;
  }
  EXPECT_EQ(contents("dense_cuda"), contents("dense_cpu"));
}

TEST_F(Chain, RowsBelongToEachOther) {
  const Hdf5Reader keys(file("keys.h5")), segments(file("segments.h5")), descriptors(file("descriptors.h5")),
      clusters(file("clusters.h5"));
  EXPECT_EQ(segments.names("name"), keys.names("name"));
  EXPECT_EQ(descriptors.names("name"), keys.names("name"));
  EXPECT_EQ(keys.names("name").size(), 8U);
  const auto offset = segments.read<std::int64_t>("offset");
  const std::int64_t count = offset.back();
  ASSERT_GT(count, 8);
  EXPECT_EQ(descriptors.dtype("descriptor"), Dtype::f32);
  EXPECT_EQ(descriptors.shape("descriptor"), (Shape{count, 192}));
  EXPECT_EQ(clusters.shape("k004/assignment"), Shape{count});
  std::vector<std::int64_t> image;
  std::vector<std::int32_t> segment;
  for (std::size_t i = 0; i + 1 < offset.size(); ++i) {
    for (std::int64_t row = offset[i]; row < offset[i + 1]; ++row) {
      image.push_back(static_cast<std::int64_t>(i));
      segment.push_back(static_cast<std::int32_t>(row - offset[i]));
    }
  }
  EXPECT_EQ(descriptors.read<std::int64_t>("image"), image);
  EXPECT_EQ(descriptors.read<std::int32_t>("segment"), segment);
  const auto values = descriptors.read<float>("descriptor");
  for (std::size_t row = 0; row < static_cast<std::size_t>(count); ++row) {
    double square = 0;
    for (std::size_t d = 0; d < 192; ++d) square += std::pow(static_cast<double>(values[row * 192 + d]), 2);
    EXPECT_NEAR(square, 1.0, 1e-6) << "row " << row;
  }
}

TEST_F(Chain, MasksShowTheClusterOfEachPatch) {
  const Hdf5Reader segments(file("segments.h5"));
  const auto map = segments.read<std::int16_t>("segment");
  const auto offset = segments.read<std::int64_t>("offset");
  const auto clusters = Hdf5Reader(file("clusters.h5")).read<std::int32_t>("k004/assignment");
  const auto names = segments.names("name");
  EXPECT_EQ(files_below(file("masks")).size(), names.size() + 1) << "and the mark of the folder";
  for (std::size_t i = 0; i < names.size(); ++i) {
    const ImageHeader header = read_image_header(fs::path(images()) / names[i]);
    const LabelMap mask = read_mask(fs::path(file("masks")) / fs::path(names[i]).replace_extension(".png"));
    ASSERT_EQ(mask.height, header.height);
    ASSERT_EQ(mask.width, header.width);
    // Each pixel lies under one patch of the 10 x 10 grid.
    for (int y = 0; y < mask.height; ++y) {
      for (int x = 0; x < mask.width; ++x) {
        const int patch = (2 * y + 1) * 10 / (2 * mask.height) * 10 + (2 * x + 1) * 10 / (2 * mask.width);
        const int segment = map[i * 100 + static_cast<std::size_t>(patch)];
        const int expected = segment < 0 ? no_label : clusters[static_cast<std::size_t>(offset[i] + segment)];
        ASSERT_EQ(mask.labels[static_cast<std::size_t>(y * mask.width + x)], expected)
            << names[i] << " at " << y << ", " << x;
      }
    }
  }
}

TEST_F(Chain, ResolutionsAndRanks) {
  ASSERT_EQ(masks_of(images(), "by-ranks", {}, {.ranks = 3}).code, 0);
  EXPECT_TRUE(contents("by-ranks") == contents("masks"));
  ASSERT_EQ(masks_of(images(), "grid", {"--resolution", "grid"}).code, 0);
  ASSERT_EQ(masks_of(images(), "input", {"--resolution", "input"}).code, 0);
  for (const auto& name : files_below(file("masks"))) {
    if (name == ".datus-masks") continue;
    const LabelMap grid = read_mask(fs::path(file("grid")) / name);
    const LabelMap input = read_mask(fs::path(file("input")) / name);
    ASSERT_EQ(grid.labels.size(), 100U);
    ASSERT_EQ(input.height, 160);
    ASSERT_EQ(input.width, 160);
    for (std::size_t p = 0; p < input.labels.size(); ++p) {
      ASSERT_EQ(input.labels[p], grid.labels[p / 160 / 16 * 10 + p % 160 / 16]) << name << ", pixel " << p;
    }
  }
}

TEST_F(Chain, EvaluateScoresTheMasks) {
  const Outcome outcome =
      run_program({"evaluate", "--predictions", file("masks"), "--truth", source_path("data/suim8/masks").string(),
                   "--set", "dataset.kind=suim", "--json", file("scores.json")});
  ASSERT_EQ(outcome.code, 0) << outcome;
  const auto strict = nlohmann::json::parse(bytes_of(file("scores.json")))["strict"];
  std::int64_t pixels = 0;
  for (const auto& name : files_below(images())) {
    const ImageHeader header = read_image_header(fs::path(images()) / name);
    pixels += std::int64_t{header.width} * header.height;
  }
  EXPECT_EQ(strict["pixels"]["total"], pixels);
  EXPECT_EQ(strict["classes"], 6);
  EXPECT_EQ(strict["class_names"].size(), 6U);
  EXPECT_GT(strict["miou"].get<double>(), 0.0);
}

// A list in another order: images are found by their names, so nothing changes.
TEST_F(Chain, ImagesJoinByNameNotByPosition) {
  std::vector<std::string> names = files_below(images());
  std::reverse(names.begin(), names.end());
  std::swap(names[1], names[5]);
  const fs::path list = suite_folder() / "copy" / "list.txt";
  std::string text;
  for (const auto& name : names) {
    fs::create_directories(list.parent_path());
    fs::copy_file(fs::path(images()) / name, list.parent_path() / name);
    text += name + "\n";
  }
  write_bytes(list, text);
  const Outcome described =
      run_program(with_settings({"describe", "--images", list.string(), "--segments", file("segments.h5"), "--weights",
                                 weights(), "--out", file("shuffled.h5")}));
  ASSERT_EQ(described.code, 0) << described;
  EXPECT_TRUE(bytes_of(file("shuffled.h5")) == bytes_of(file("descriptors.h5")));
  ASSERT_EQ(masks_of(list.string(), "shuffled").code, 0);
  EXPECT_TRUE(contents("shuffled") == contents("masks"));
}

TEST_F(Chain, MissingAndExtraImagesAreRefused) {
  const fs::path other = suite_folder() / "other";
  fs::copy(images(), other);
  fs::copy_file(fs::path(images()) / "n_l_12_.jpg", other / "extra.jpg");
  const auto describe = [&] {
    return run_program(with_settings({"describe", "--images", other.string(), "--segments", file("segments.h5"),
                                      "--weights", weights(), "--out", file("refused.h5")}));
  };
  expect_refusal(describe(), 3, {"extra.jpg"});
  expect_refusal(masks_of(other.string(), "refused", {}, {.ranks = 3, .limit = std::chrono::seconds(30)}), 3,
                 {"extra.jpg"});
  fs::remove(other / "extra.jpg");
  fs::remove(other / "n_l_12_.jpg");
  expect_refusal(describe(), 3, {"n_l_12_.jpg"});
  expect_refusal(masks_of(other.string(), "refused"), 3, {"n_l_12_.jpg"});
  EXPECT_FALSE(fs::exists(file("refused.h5")));
  EXPECT_TRUE(files_below(file("refused")).empty());
}

// Masks that were made into the folder of the photos are no photos for the next command.
TEST_F(Chain, MasksAreNoPhotos) {
  const auto extract = [](const std::string& from) {
    return run_program(
        with_settings({"extract", "--images", from, "--weights", weights(), "--out", file("again.h5"), "--verbose"}));
  };
  fs::create_directories(file("photos"));
  fs::copy_file(fs::path(images()) / "n_l_12_.jpg", file("photos/one.jpg"));
  ASSERT_EQ(masks_of(images(), "photos/masks/").code, 0);
  ASSERT_EQ(masks_of(images(), "photos/masks").code, 0) << "the same again";
  const Outcome outcome = extract(file("photos"));
  ASSERT_EQ(outcome.code, 0) << outcome;
  EXPECT_NE(outcome.err.find("1 folder of masks"), std::string::npos) << outcome;
  EXPECT_EQ(Hdf5Reader(file("again.h5")).names("name"), std::vector<std::string>{"one.jpg"});
  expect_refusal(extract(file("photos/masks")), 2, {"a folder of masks of datus"});
  // Photos among the masks still are what they are.
  fs::create_directories(file("mixed"));
  fs::copy_file(fs::path(images()) / "n_l_12_.jpg", file("mixed/one.jpg"));
  ASSERT_EQ(masks_of(images(), "mixed").code, 0);
  EXPECT_FALSE(fs::exists(file("mixed/.datus-masks")));
}

TEST_F(Chain, MasksNeedAFolder) {
  write_bytes(file("text"), "no folder");
  expect_refusal(masks_of(images(), "text"), 1, {"Cannot make the folder " + file("text")});
  EXPECT_EQ(bytes_of(file("text")), "no folder");
}

TEST_F(Chain, ClustersOfOtherSegmentsAreRefused) {
  write_hdf5(file("other-clusters.h5"), [](Hdf5Writer& writer) {
    writer.write<std::int32_t>("k002/assignment", std::vector<std::int32_t>{0, 1, 0}, {3});
  });
  const auto mask = [&](const std::string& group) {
    return run_program(
        with_settings({"mask", "--segments", file("segments.h5"), "--clusters", file("other-clusters.h5") + group,
                       "--images", images(), "--out", file("refused")}));
  };
  expect_refusal(mask(":/k002"), 3, {"3 rows", "segments.h5"});
  expect_refusal(mask(":/k009"), 3, {"k009", "other-clusters.h5"});
}

// By its name, through links of both kinds, and whatever the command.
TEST_F(Chain, NoInputIsOverwritten) {
  const fs::path other = suite_folder() / "own";
  fs::create_directories(other);
  fs::copy(images(), other / "images");
  for (const char* name : {"keys", "segments", "descriptors", "clusters"}) {
    fs::copy_file(file(std::string(name) + ".h5"), other / (std::string(name) + ".h5"));
  }
  fs::copy_file(weights(), other / "weights");
  fs::create_symlink("keys.h5", other / "link.h5");
  fs::create_hard_link(other / "descriptors.h5", other / "hard.h5");
  fs::create_directory_symlink("images", other / "photos");
  const auto at = [&](const std::string& name) { return (other / name).string(); };
  // A list elsewhere: the mask of a photo would have the name of another one.
  write_bytes(other / "lists" / "list.txt", at("images/n_l_12_.jpg") + "\n");
  const auto before = contents("own");
  const std::vector<Arguments> commands = {
      {"extract", "--images", at("images"), "--weights", at("weights"), "--out", at("photos/keys.h5")},
      {"extract", "--images", at("lists/list.txt"), "--weights", at("weights"), "--out", at("images/n_l_12_.jpg")},
      {"extract", "--images", at("images"), "--weights", at("weights"), "--out", at("weights")},
      {"segment", "--keys", at("keys.h5"), "--out", at("keys.h5")},
      {"segment", "--keys", at("link.h5"), "--out", at("keys.h5")},
      {"describe", "--images", at("images"), "--segments", at("segments.h5"), "--weights", at("weights"), "--out",
       at("segments.h5")},
      {"cluster", "--descriptors", at("descriptors.h5"), "--k", "4", "--out", at("hard.h5")},
      {"cluster", "--descriptors", at("descriptors.h5"), "--k", "4", "--init", at("clusters.h5") + ":/k004/centroids",
       "--out", at("clusters.h5")},
      {"cluster", "--assign", at("descriptors.h5"), "--centroids", at("clusters.h5") + ":/k004/centroids", "--out",
       at("clusters.h5")},
      {"mask", "--segments", at("segments.h5"), "--clusters", at("clusters.h5") + ":/k004", "--images", at("images"),
       "--out", at("images")},
      {"mask", "--segments", at("segments.h5"), "--clusters", at("clusters.h5") + ":/k004", "--images", at("images"),
       "--out", at("photos/masks")},
      {"evaluate", "--predictions", file("masks"), "--truth", file("truth"), "--json", file("masks") + "/n_l_12_.png"},
  };
  fs::copy(file("masks"), file("truth"), fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  for (const Arguments& command : commands) {
    SCOPED_TRACE(command[0] + " to " + command.back());
    expect_refusal(run_program(with_settings(command)), 2, {"Cannot write to", command.back(), "input"});
  }
  EXPECT_TRUE(contents("own") == before);
}

}  // namespace chain_test
}  // namespace datus::test
