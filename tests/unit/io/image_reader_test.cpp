// SPDX-License-Identifier: Apache-2.0
#include "datus/io/image_reader.hpp"

#include "image_test_support.hpp"

#include <array>

namespace datus {
namespace image_reader_test {

using test::Bytes;

std::string preprocess(const std::string& name) {
  return "golden/preprocess/" + name;
}

/// Files whose decoded pixels are among the golden tensors.
std::vector<nlohmann::json> decoded_cases() {
  std::vector<nlohmann::json> cases;
  const auto family = test::read_json(preprocess("cases.json"));
  for (const auto& entry : family["cases"]) {
    if (entry["tensors"].contains("decoded_rgb")) cases.push_back(entry);
  }
  return cases;
}

TEST(ImageReader, DecodesAsPillowDoes) {
  const auto cases = decoded_cases();
  ASSERT_GE(cases.size(), 13U);
  for (const auto& entry : cases) {
    const std::string file = entry["file"];
    const auto tensors = test::read_golden(preprocess(entry["expected"]));
    const auto& expected = tensors.at("decoded_rgb");
    const Image image = read_image(test::data_path(preprocess(file)));
    EXPECT_EQ(image.height, expected.shape[0]) << file;
    EXPECT_EQ(image.width, expected.shape[1]) << file;
    const int tolerance = file.ends_with(".jpg") ? 3 : 0;
    EXPECT_LE(test::largest_difference(image.pixels, expected.as<std::uint8_t>()), tolerance) << file;
  }
}

TEST(ImageReader, SquashOfOneSizeIsThePngItself) {
  const auto tensors = test::read_golden(preprocess("photo_224_png.safetensors"));
  const Image image = read_image(test::data_path(preprocess("photo_224.png")));
  EXPECT_EQ(image.pixels, tensors.at("squash224_bicubic").as<std::uint8_t>());
}

TEST(ImageReader, HeadersAgreeWithTheCases) {
  const auto family = test::read_json(preprocess("cases.json"));
  for (const auto& entry : family["cases"]) {
    const std::string path = test::data_path(preprocess(entry["file"]));
    const ImageHeader stored = read_image_header(path);
    EXPECT_EQ(stored.width, entry["width"]) << path;
    EXPECT_EQ(stored.height, entry["height"]) << path;
    EXPECT_EQ(stored.bytes, static_cast<std::int64_t>(std::filesystem::file_size(path)));
    const auto upright_size = entry.contains("exif_size") ? entry["exif_size"] : entry;
    const ImageHeader upright = read_image_header(path, Orientation::exif);
    EXPECT_EQ(upright.width, upright_size["width"]) << path;
    EXPECT_EQ(upright.height, upright_size["height"]) << path;
    const Image image = read_image(path, Orientation::exif);
    EXPECT_EQ(image.width, upright.width) << path;
    EXPECT_EQ(image.height, upright.height) << path;
  }
}

double cubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

/// [rows, length, 3] -> [rows, size, 3]: antialiased bicubic along the columns, in doubles.
Bytes resize_columns(const Bytes& from, int rows, int length, int size) {
  const double scale = std::max(1.0, static_cast<double>(length) / size);
  Bytes to(static_cast<std::size_t>(rows * size * 3));
  for (int i = 0; i < size; ++i) {
    const double centre = (i + 0.5) * length / size;
    const int low = std::max(0, static_cast<int>(centre - 2 * scale + 0.5));
    const int high = std::min(length, static_cast<int>(centre + 2 * scale + 0.5));
    for (int row = 0; row < rows; ++row) {
      for (int channel = 0; channel < 3; ++channel) {
        double sum = 0;
        double weights = 0;
        for (int x = low; x < high; ++x) {
          const double weight = cubic((x - centre + 0.5) / scale);
          sum += weight * from[static_cast<std::size_t>((row * length + x) * 3 + channel)];
          weights += weight;
        }
        to[static_cast<std::size_t>((row * size + i) * 3 + channel)] =
            static_cast<std::uint8_t>(std::clamp(std::lround(sum / weights), 0L, 255L));
      }
    }
  }
  return to;
}

Bytes transposed(const Bytes& from, int rows, int columns) {
  Bytes to(from.size());
  for (int y = 0; y < rows; ++y) {
    for (int x = 0; x < columns; ++x) {
      for (int channel = 0; channel < 3; ++channel) {
        to[static_cast<std::size_t>((x * rows + y) * 3 + channel)] =
            from[static_cast<std::size_t>((y * columns + x) * 3 + channel)];
      }
    }
  }
  return to;
}

TEST(ImageReader, ExifPicturesAreTurnedUpright) {
  for (const std::string name : {"exif3", "exif6"}) {
    const auto tensors = test::read_golden(preprocess(name + "_jpg.safetensors"));
    const Image image = read_image(test::data_path(preprocess(name + ".jpg")), Orientation::exif);
    const Bytes wide = resize_columns(image.pixels, image.height, image.width, 224);
    const Bytes turned = resize_columns(transposed(wide, image.height, 224), 224, image.height, 224);
    const Bytes squashed = transposed(turned, 224, 224);
    EXPECT_LE(test::largest_difference(squashed, tensors.at("exif_squash224_bicubic").as<std::uint8_t>()), 3) << name;
  }
}

/// Where pixel (y, x) of the upright picture lies in the stored one of `height` rows and `width` columns.
std::array<int, 2> stored_place(int orientation, int y, int x, int height, int width) {
  switch (orientation) {
    case 2:
      return {y, width - 1 - x};
    case 3:
      return {height - 1 - y, width - 1 - x};
    case 4:
      return {height - 1 - y, x};
    case 5:
      return {x, y};
    case 6:
      return {height - 1 - x, y};
    case 7:
      return {height - 1 - x, width - 1 - y};
    case 8:
      return {x, width - 1 - y};
    default:
      return {y, x};
  }
}

TEST(ImageReader, AllEightOrientations) {
  const test::TempFolder folder;
  const Bytes jpeg = test::read_file(test::data_path(preprocess("photo_422.jpg")));
  const Image stored = read_image(test::data_path(preprocess("photo_422.jpg")));
  for (std::uint8_t orientation = 0; orientation <= 9; ++orientation) {  // 0 and 9 mean nothing
    const auto path = test::write_file(folder / "turned.jpg", test::with_orientation(jpeg, orientation));
    EXPECT_EQ(read_image(path).pixels, stored.pixels);
    const Image upright = read_image(path, Orientation::exif);
    const bool is_transposed = orientation >= 5 && orientation <= 8;
    ASSERT_EQ(upright.height, is_transposed ? stored.width : stored.height);
    ASSERT_EQ(read_image_header(path, Orientation::exif).height, upright.height);
    int wrong = 0;
    for (int y = 0; y < upright.height; ++y) {
      for (int x = 0; x < upright.width; ++x) {
        const auto [row, column] = stored_place(orientation, y, x, stored.height, stored.width);
        wrong += !std::ranges::equal(upright.row(y).subspan(static_cast<std::size_t>(3 * x), 3),
                                     stored.row(row).subspan(static_cast<std::size_t>(3 * column), 3));
      }
    }
    EXPECT_EQ(wrong, 0) << "orientation " << int{orientation};
  }
}

TEST(ImageReader, ContentDecidesNotTheName) {
  const test::TempFolder folder;
  const auto path = test::write_file(folder / "photo.jpg", test::read_file(test::data_path(preprocess("photo_a.png"))));
  EXPECT_EQ(read_image(path).pixels, read_image(test::data_path(preprocess("photo_a.png"))).pixels);
}

TEST(ImageReader, HeaderBehindALongProfile) {
  const test::TempFolder folder;
  Bytes jpeg = test::read_file(test::data_path(preprocess("photo_420.jpg")));
  Bytes profile(65537, 0x20);
  const Bytes start = {0xFF, 0xE2, 0xFF, 0xFF};
  std::copy(start.begin(), start.end(), profile.begin());
  for (int i = 0; i < 3; ++i) jpeg.insert(jpeg.begin() + 2, profile.begin(), profile.end());
  const auto path = test::write_file(folder / "profile.jpg", jpeg);
  EXPECT_EQ(read_image_header(path).width, 330);
  EXPECT_EQ(read_image(path).width, 330);
}

TEST(ImageReader, StrayBytesInAJpegAreHarmless) {
  const test::TempFolder folder;
  Bytes jpeg = test::with_stray_bytes(test::read_file(test::data_path(preprocess("photo_420.jpg"))));
  jpeg.insert(jpeg.end(), {'t', 'a', 'i', 'l'});
  const auto path = test::write_file(folder / "stray.jpg", jpeg);
  EXPECT_EQ(read_image(path).pixels, read_image(test::data_path(preprocess("photo_420.jpg"))).pixels);
}

TEST(ImageReader, ErrorsNameTheFileAndTheReason) {
  const test::TempFolder folder;
  const auto reason = [&](const std::filesystem::path& path) {
    const std::string text = test::error_of<InputError>([&] { (void)read_image(path); });
    test::expect_mentions(text, {path.string()});
    test::expect_mentions(test::error_of<InputError>([&] { (void)read_image_header(path); }), {path.string()});
    return text;
  };
  test::expect_mentions(reason(folder / "missing.png"), {"no such file"});
  test::expect_mentions(reason(folder.path()), {"it is a folder"});
  test::expect_mentions(reason(test::write_text(folder / "empty.jpg", "")), {"empty"});
  test::expect_mentions(reason(test::write_text(folder / "text.jpg", "not an image")), {"JPEG, PNG"});

  Bytes png = test::read_file(test::data_path(preprocess("grey.png")));
  std::fill(png.begin() + 16, png.begin() + 24, std::uint8_t{0x7F});
  test::expect_mentions(reason(test::write_file(folder / "huge.png", png)), {"too large", "2139062143"});
  std::fill(png.begin() + 16, png.begin() + 20, std::uint8_t{0});
  test::expect_mentions(reason(test::write_file(folder / "none.png", png)), {"no pixels"});
}

void append_little(Bytes& bytes, std::uint32_t value, int count) {
  for (int i = 0; i < count; ++i) bytes.push_back(static_cast<std::uint8_t>(value >> static_cast<unsigned>(8 * i)));
}

/// A BMP of `image`: 24 or 32 bits, or 8 bits with a palette of its colours.
Bytes bmp_of(const Image& image, int bits, bool top_down, bool bit_fields) {
  Bytes palette;
  Bytes rows;
  for (int i = 0; i < image.height; ++i) {
    const auto row = image.row(top_down ? i : image.height - 1 - i);
    for (std::size_t x = 0; x < row.size(); x += 3) {
      const Bytes colour = {row[x + 2], row[x + 1], row[x], 0};
      if (bits == 8) {
        rows.push_back(static_cast<std::uint8_t>(palette.size() / 4));
        palette.insert(palette.end(), colour.begin(), colour.end());
      } else {
        rows.insert(rows.end(), colour.begin(), colour.begin() + bits / 8);
      }
    }
    while (rows.size() % 4 != 0) rows.push_back(0);
  }
  Bytes bytes = {'B', 'M'};
  const std::size_t before = 54 + (bit_fields ? 12 : 0) + palette.size();
  for (const std::size_t value :
       {before + rows.size(), std::size_t{0}, before, std::size_t{40}, static_cast<std::size_t>(image.width)}) {
    append_little(bytes, static_cast<std::uint32_t>(value), 4);
  }
  append_little(bytes, static_cast<std::uint32_t>(top_down ? -image.height : image.height), 4);
  append_little(bytes, 1, 2);
  append_little(bytes, static_cast<std::uint32_t>(bits), 2);
  append_little(bytes, bit_fields ? 3 : 0, 4);
  for (const std::size_t value : {rows.size(), std::size_t{0}, std::size_t{0}, palette.size() / 4, std::size_t{0}}) {
    append_little(bytes, static_cast<std::uint32_t>(value), 4);
  }
  if (bit_fields) {
    for (const std::uint32_t mask : {0xFF0000U, 0xFF00U, 0xFFU}) append_little(bytes, mask, 4);
  }
  bytes.insert(bytes.end(), palette.begin(), palette.end());
  bytes.insert(bytes.end(), rows.begin(), rows.end());
  return bytes;
}

TEST(ImageReader, Bmp) {
  const test::TempFolder folder;
  const Image image = test::test_picture(7, 13);
  const auto read_back = [&](int bits, bool top_down, bool bit_fields) {
    return read_image(test::write_file(folder / "picture.bmp", bmp_of(image, bits, top_down, bit_fields)));
  };
  for (const bool top_down : {false, true}) {
    for (const int bits : {8, 24, 32}) {
      const Image read = read_back(bits, top_down, false);
      EXPECT_EQ(read.height, 7);
      EXPECT_EQ(read.pixels, image.pixels) << bits;
    }
  }
  EXPECT_EQ(read_back(32, false, true).pixels, image.pixels);
  EXPECT_EQ(read_image_header(folder / "picture.bmp").width, 13);
  Bytes packed = bmp_of(image, 8, false, false);
  packed[30] = 1;  // run-length compression
  const auto path = test::write_file(folder / "packed.bmp", packed);
  test::expect_mentions(test::error_of<InputError>([&] { (void)read_image(path); }),
                        {"not supported", "compression 1"});
}

}  // namespace image_reader_test
}  // namespace datus
