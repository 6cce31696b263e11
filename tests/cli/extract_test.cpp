// SPDX-License-Identifier: Apache-2.0
#include "cli/plain_files.hpp"
#include "datus/io/image_reader.hpp"
#include "datus/model/input_geometry.hpp"
#include "datus/model/normalise.hpp"
#include "datus/model/vision_transformer.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

// `datus extract --images --weights --out`: the file, and its values against the model called directly.
namespace datus::test {
namespace extract_test {

namespace fs = std::filesystem;

VisionTransformer model(const std::string& weights) {
  ViTOptions options;
  options.heads = 2;
  return VisionTransformer::load(data_path("golden/vit/" + weights), options);
}

/// Keys and CLS of one prepared image, with the mean and deviation of ImageNet.
VisionTransformer::Features features_of(const VisionTransformer& network, const Image& input,
                                        PatchFeature feature = PatchFeature::key) {
  std::vector<float> values(input.pixels.size());
  normalise(input, {0.485F, 0.456F, 0.406F}, {0.229F, 0.224F, 0.225F}, false, values);
  return network.forward(values, 1, input.height, input.width, {.feature = feature, .layer = -1, .cls = true});
}

std::vector<half> rounded(const std::vector<float>& values) {
  std::vector<half> halves(values.size());
  to_half(values, halves);
  return halves;
}

std::vector<half> bits_of_row(const Hdf5Reader& reader, std::int64_t image, std::size_t size) {
  std::vector<half> row(size);
  reader.read_rows<half>("keys", image, 1, row);
  return row;
}

std::vector<float> cls_row(const Hdf5Reader& reader, std::int64_t image, std::size_t size) {
  std::vector<float> row(size);
  reader.read_rows<float>("cls", image, 1, row);
  return row;
}

Arguments extract(const fs::path& images, const fs::path& out, const std::string& weights) {
  return {"extract", "--images",   images.string(), "--weights",    data_path("golden/vit/" + weights),
          "--out",   out.string(), "--set",         "model.heads=2"};
}
Arguments with(Arguments arguments, const Arguments& settings) {
  for (const auto& setting : settings) arguments.insert(arguments.end(), {"--set", setting});
  return arguments;
}

// The golden squash224 is what Pillow makes of the file: the model's input.
TEST(ExtractCommand, ValuesAreTheModelsOnTheGoldenResize) {
  const std::vector<std::string> names = {"photo_256", "photo_small", "photo_tall"};
  for (const std::string weights : {"dino_p8.safetensors", "dino_p16.pth"}) {
    const TempFolder folder;
    for (const auto& name : names) {
      fs::create_directories(folder / "images");
      fs::copy_file(data_path("golden/preprocess/" + name + ".png"), folder / "images" / (name + ".png"));
    }
    const Outcome outcome = run_program(extract(folder / "images", folder / "keys.h5", weights));
    ASSERT_EQ(outcome.code, 0) << outcome;

    const VisionTransformer network = model(weights);
    const int patch = network.architecture().patch;
    const std::int64_t side = 224 / patch;
    const Hdf5Reader reader(folder / "keys.h5");
    EXPECT_EQ(reader.verify(), VerifyResult::verified);
    EXPECT_EQ(reader.dtype("keys"), Dtype::f16);
    EXPECT_EQ(reader.shape("keys"), (Shape{3, side * side, 32}));
    EXPECT_EQ(reader.dtype("cls"), Dtype::f32);
    EXPECT_EQ(reader.shape("cls"), (Shape{3, 32}));
    EXPECT_EQ(reader.names("name"), (std::vector<std::string>{"photo_256.png", "photo_small.png", "photo_tall.png"}));
    EXPECT_EQ(reader.attribute<std::int64_t>("/", "rows"), side);
    EXPECT_EQ(reader.attribute<std::int64_t>("/", "cols"), side);
    EXPECT_EQ(reader.attribute<std::int64_t>("/", "patch"), patch);
    for (std::size_t i = 0; i < names.size(); ++i) {
      Image input(224, 224);
      input.pixels =
          read_golden("golden/preprocess/" + names[i] + "_png.safetensors").at("squash224_bicubic").as<std::uint8_t>();
      const auto expected = features_of(network, input);
      const auto image = static_cast<std::int64_t>(i);
      EXPECT_EQ(bits_of_row(reader, image, expected.embeddings.size()), rounded(expected.embeddings)) << names[i];
      EXPECT_EQ(cls_row(reader, image, expected.cls.size()), expected.cls) << names[i];
    }
  }
}

TEST(ExtractCommand, SettingsOfSizeTypeAndFeature) {
  const TempFolder folder;
  write_test_images(folder / "images", 2);
  const Outcome outcome = run_program(with(extract(folder / "images", folder / "keys.h5", "dino_p8.safetensors"),
                                           {"model.input_size=[32, 48]", "model.resize=pad", "model.feature=token",
                                            "storage.embeddings=float32", "model.batch_size=1"}));
  ASSERT_EQ(outcome.code, 0) << outcome;
  const Hdf5Reader reader(folder / "keys.h5");
  EXPECT_EQ(reader.dtype("keys"), Dtype::f32);
  EXPECT_EQ(reader.shape("keys"), (Shape{2, 4 * 6, 32}));
  EXPECT_EQ(reader.attribute<std::int64_t>("/", "rows"), 4);
  EXPECT_EQ(reader.attribute<std::int64_t>("/", "cols"), 6);
  const VisionTransformer network = model("dino_p8.safetensors");
  const auto keys = reader.read<float>("keys");
  const auto valid = reader.read<std::uint8_t>("valid");
  for (std::size_t i = 0; i < 2; ++i) {
    const Image image = read_image(folder / "images" / (i == 0 ? "a.png" : "b.png"));
    const InputGeometry geometry(image.height, image.width, 32, 48, 8, ResizeMode::pad);
    const auto expected = features_of(network, geometry.apply(image, Resample::bicubic), PatchFeature::token);
    const std::size_t size = expected.embeddings.size();
    EXPECT_EQ(std::vector<float>(keys.begin() + static_cast<std::ptrdiff_t>(i * size),
                                 keys.begin() + static_cast<std::ptrdiff_t>((i + 1) * size)),
              expected.embeddings);
    EXPECT_EQ(std::vector<std::uint8_t>(valid.begin() + static_cast<std::ptrdiff_t>(i * 24),
                                        valid.begin() + static_cast<std::ptrdiff_t>((i + 1) * 24)),
              geometry.valid_patches());
  }
}

// Folders are listed in byte order, with folders in the names; a list keeps its order. Rows belong to names.
TEST(ExtractCommand, NamesOfFoldersAndLists) {
  const TempFolder folder;
  for (const char* name : {"b.png", "B.png", "a/z.png", "a b.png"}) {
    fs::create_directories((folder / "images" / name).parent_path());
    write_png(folder / "images" / name, test_image(32, 32, static_cast<unsigned>(name[0])));
  }
  const std::string weights = "dino_p8.safetensors";
  ASSERT_EQ(run_program(with(extract(folder / "images", folder / "folder.h5", weights), {"model.input_size=32"})).code,
            0);
  write_bytes(folder / "images" / "list.txt", "# some of them\nb.png\na/z.png\n");
  ASSERT_EQ(
      run_program(with(extract(folder / "images" / "list.txt", folder / "list.h5", weights), {"model.input_size=32"}))
          .code,
      0);
  const Hdf5Reader all(folder / "folder.h5");
  const Hdf5Reader some(folder / "list.h5");
  EXPECT_EQ(all.names("name"), (std::vector<std::string>{"B.png", "a b.png", "a/z.png", "b.png"}));
  EXPECT_EQ(some.names("name"), (std::vector<std::string>{"b.png", "a/z.png"}));
  constexpr std::size_t size = 16 * 32;
  EXPECT_EQ(bits_of_row(some, 0, size), bits_of_row(all, 3, size));
  EXPECT_EQ(bits_of_row(some, 1, size), bits_of_row(all, 2, size));
  EXPECT_NE(bits_of_row(some, 0, size), bits_of_row(some, 1, size));
}

TEST(ExtractCommand, UnreadableImagesAreLeftOutAndSaid) {
  const TempFolder folder;
  write_test_images(folder / "images", 3);
  const std::string bytes = bytes_of(folder / "images" / "b.png");
  write_bytes(folder / "images" / "b.png", bytes.substr(0, bytes.size() / 2));
  const auto command =
      with(extract(folder / "images", folder / "keys.h5", "dino_p8.safetensors"), {"model.input_size=32"});
  const Outcome reported = run_program(command);
  EXPECT_EQ(reported.code, 4) << reported;
  EXPECT_NE(reported.err.find("b.png"), std::string::npos) << reported;
  EXPECT_EQ(Hdf5Reader(folder / "keys.h5").names("name"), (std::vector<std::string>{"a.png", "c.png"}));
  EXPECT_EQ(run_program(with(command, {"dataset.on_unreadable=skip"})).code, 0);

  fs::remove(folder / "keys.h5");
  for (const char* name : {"a.png", "c.png"}) write_bytes(folder / "images" / name, "nothing");
  expect_refusal(run_program(command), 3, {"3 images"});
  EXPECT_FALSE(fs::exists(folder / "keys.h5"));
}

}  // namespace extract_test
}  // namespace datus::test
