// SPDX-License-Identifier: Apache-2.0
#include "cli/plain_files.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <tuple>
#include <vector>

// `datus segment --keys --out` against the golden graphs, communities and segments.
namespace datus::test {
namespace segment_test {

namespace fs = std::filesystem;

struct GoldenImage {
  std::string name;
  std::vector<half> keys;
  std::vector<std::int32_t> labels;
  std::vector<std::int16_t> segments;
};

struct Group {
  int rows = 0;
  int cols = 0;
  int dim = 0;
  std::vector<GoldenImage> images;

  [[nodiscard]] Shape shape() const { return {static_cast<std::int64_t>(images.size()), rows * cols, dim}; }
  [[nodiscard]] std::vector<half> keys() const {
    std::vector<half> all;
    for (const auto& image : images) all.insert(all.end(), image.keys.begin(), image.keys.end());
    return all;
  }
};

/// The golden cases; those of one shape are images of one file.
std::vector<Group> golden_groups() {
  std::map<std::tuple<int, int, int>, Group> groups;
  const auto golden = read_json("golden/louvain/cases.json");
  for (const auto& facts : golden["cases"]) {
    const int rows = facts["height"];
    const int cols = facts["width"];
    const int dim = facts["dim"];
    const auto tensors = read_golden("golden/louvain/" + facts["file"].get<std::string>());
    auto& group = groups[{rows, cols, dim}];
    group.rows = rows;
    group.cols = cols;
    group.dim = dim;
    group.images.push_back({facts["name"], tensors.at("keys").as<half>(), tensors.at("labels").as<std::int32_t>(),
                            tensors.at("segments").as<std::int16_t>()});
  }
  std::vector<Group> all;
  for (auto& [shape, group] : groups) all.push_back(std::move(group));
  return all;
}

/// Keys in one of the types that a file may have; float16 values are exact in all of them.
void write_keys_as(Hdf5Writer& writer, const Group& group, Dtype dtype) {
  const auto keys = group.keys();
  std::vector<float> floats(keys.size());
  to_float(keys, floats);
  if (dtype == Dtype::f16) writer.write<half>("keys", keys, group.shape());
  if (dtype == Dtype::f32) writer.write<float>("keys", floats, group.shape());
  if (dtype == Dtype::f64) {
    writer.write<double>("keys", std::vector<double>(floats.begin(), floats.end()), group.shape());
  }
}

/// Box and size of each segment of one image, found patch by patch.
struct Found {
  std::vector<std::int16_t> box;
  std::vector<std::int32_t> size;
};
Found brute_force(const GoldenImage& image, int cols) {
  const int count = image.segments.empty() ? 0 : *std::max_element(image.segments.begin(), image.segments.end()) + 1;
  Found found;
  for (int segment = 0; segment < count; ++segment) {
    int top = 1 << 15, left = 1 << 15, bottom = -1, right = -1, size = 0;
    for (int patch = 0; patch < static_cast<int>(image.segments.size()); ++patch) {
      if (image.segments[static_cast<std::size_t>(patch)] != segment) continue;
      top = std::min(top, patch / cols);
      bottom = std::max(bottom, patch / cols);
      left = std::min(left, patch % cols);
      right = std::max(right, patch % cols);
      ++size;
    }
    for (const int value : {top, left, bottom - top + 1, right - left + 1}) {
      found.box.push_back(static_cast<std::int16_t>(value));
    }
    found.size.push_back(size);
  }
  return found;
}

void expect_golden(const fs::path& path, const Group& group) {
  const Hdf5Reader reader(path);
  EXPECT_EQ(reader.verify(), VerifyResult::verified);
  const auto count = static_cast<std::int64_t>(group.images.size());
  EXPECT_EQ(reader.shape("segment"), (Shape{count, group.rows, group.cols}));
  EXPECT_EQ(reader.shape("community"), (Shape{count, group.rows, group.cols}));
  EXPECT_EQ(reader.dtype("segment"), Dtype::i16);
  EXPECT_EQ(reader.dtype("community"), Dtype::i16);
  EXPECT_EQ(reader.dtype("offset"), Dtype::i64);
  EXPECT_EQ(reader.dtype("box"), Dtype::i16);
  EXPECT_EQ(reader.dtype("size"), Dtype::i32);

  std::vector<std::int16_t> segments, communities, boxes;
  std::vector<std::int32_t> sizes;
  std::vector<std::int64_t> offset = {0};
  for (const auto& image : group.images) {
    segments.insert(segments.end(), image.segments.begin(), image.segments.end());
    for (const auto label : image.labels) communities.push_back(static_cast<std::int16_t>(label));
    const Found found = brute_force(image, group.cols);
    boxes.insert(boxes.end(), found.box.begin(), found.box.end());
    sizes.insert(sizes.end(), found.size.begin(), found.size.end());
    offset.push_back(static_cast<std::int64_t>(sizes.size()));
  }
  EXPECT_EQ(reader.read<std::int16_t>("segment"), segments);
  EXPECT_EQ(reader.read<std::int16_t>("community"), communities);
  EXPECT_EQ(reader.read<std::int64_t>("offset"), offset);
  EXPECT_EQ(reader.shape("box"), (Shape{static_cast<std::int64_t>(sizes.size()), 4}));
  EXPECT_EQ(reader.read<std::int16_t>("box"), boxes);
  EXPECT_EQ(reader.read<std::int32_t>("size"), sizes);
}

TEST(SegmentCommand, GoldenCases) {
  const TempFolder folder;
  const std::vector<Dtype> types = {Dtype::f16, Dtype::f32, Dtype::f64};
  std::size_t number = 0;
  std::size_t images = 0;
  for (const auto& group : golden_groups()) {
    SCOPED_TRACE(group.images.front().name + " and others of its shape");
    // A square grid may go without saying.
    const bool attributes = group.rows != group.cols || number % 2 == 1;
    write_hdf5(folder / "keys.h5", [&](Hdf5Writer& writer) {
      write_keys_as(writer, group, types[number % types.size()]);
      if (!attributes) return;
      writer.attribute("/", "rows", group.rows);
      writer.attribute("/", "cols", group.cols);
    });
    const Outcome outcome =
        run_program({"segment", "--keys", (folder / "keys.h5").string(), "--out", (folder / "segments.h5").string()});
    ASSERT_EQ(outcome.code, 0) << outcome;
    expect_golden(folder / "segments.h5", group);
    ++number;
    images += group.images.size();
  }
  EXPECT_EQ(images, 24U);
}

TEST(SegmentCommand, NamesAreCopiedAndSettingsCount) {
  const auto groups = golden_groups();
  const Group& group = *std::find_if(groups.begin(), groups.end(), [](const Group& g) { return g.images.size() == 3; });
  const TempFolder folder;
  const std::vector<std::string> names = {"z/last.jpg", "a.png", "b \u00e9.png"};
  write_hdf5(folder / "keys.h5", [&](Hdf5Writer& writer) {
    write_keys_as(writer, group, Dtype::f16);
    writer.write_names("name", names);
    writer.attribute("/", "patch", 16);
  });
  const Outcome outcome = run_program({"segment", "--keys", (folder / "keys.h5").string(), "--out",
                                       (folder / "segments.h5").string(), "--set", "segment.method=none"});
  ASSERT_EQ(outcome.code, 0) << outcome;
  const Hdf5Reader reader(folder / "segments.h5");
  EXPECT_EQ(reader.names("name"), names);
  EXPECT_EQ(reader.attribute<std::int64_t>("/", "patch"), 16);
  EXPECT_EQ(reader.attribute<std::int64_t>("/", "rows"), group.rows);
  const std::int64_t patches = group.rows * group.cols;
  EXPECT_EQ(reader.read<std::int64_t>("offset"), (std::vector<std::int64_t>{0, patches, 2 * patches, 3 * patches}));
  EXPECT_EQ(reader.read<std::int32_t>("size"), std::vector<std::int32_t>(static_cast<std::size_t>(3 * patches), 1));
}

TEST(SegmentCommand, BadKeysAreRefused) {
  const TempFolder folder;
  const auto refuse = [&](const std::function<void(Hdf5Writer&)>& fill, const std::vector<std::string>& words) {
    write_hdf5(folder / "keys.h5", fill);
    const Outcome outcome = run_program(
        {"segment", "--keys", (folder / "keys.h5").string(), "--out", (folder / "out" / "segments.h5").string()});
    expect_refusal(outcome, 3, words);
    EXPECT_TRUE(files_below(folder / "out").empty());
  };
  fs::create_directories(folder / "out");
  std::vector<float> keys(2 * 4 * 3, 1.0F);
  refuse(
      [&](Hdf5Writer& writer) {
        writer.write<float>("keys", std::span(keys).first(18), {2, 3, 3});
      },
      {"keys.h5", "3 patches", "rows and cols"});
  refuse([&](Hdf5Writer& writer) { writer.write<float>("other", keys, {2, 4, 3}); }, {"keys.h5", "keys"});
  refuse([&](Hdf5Writer& writer) { writer.write<float>("keys", {}, {0, 4, 3}); }, {"keys.h5", "empty"});
  refuse(
      [&](Hdf5Writer& writer) {
        writer.write<std::int32_t>("keys", std::vector<std::int32_t>(24, 1), {2, 4, 3});
      },
      {"keys.h5", "i32"});
  refuse(
      [&](Hdf5Writer& writer) {
        writer.write<float>("keys", keys, {2, 4, 3});
        writer.write_names("name", std::vector<std::string>{"one.png"});
      },
      {"keys.h5", "/name"});
  keys[13] = std::numeric_limits<float>::infinity();
  refuse([&](Hdf5Writer& writer) { writer.write<float>("keys", keys, {2, 4, 3}); }, {"keys.h5", "not finite", "row 1"});
}

TEST(SegmentCommand, PlainFilesAreWrittenByOneProcess) {
  const TempFolder folder;
  const Outcome outcome =
      run_program({"segment", "--keys", (folder / "keys.h5").string(), "--out", (folder / "out.h5").string()},
                  {.ranks = 3, .limit = std::chrono::seconds(30)});
  expect_refusal(outcome, 2, {"mpirun"});
}

}  // namespace segment_test
}  // namespace datus::test
