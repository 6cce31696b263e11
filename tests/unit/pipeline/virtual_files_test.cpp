// SPDX-License-Identifier: Apache-2.0
#include "pipeline/shards/virtual_files.hpp"

#include "datus/core/error.hpp"
#include "datus/io/hdf5.hpp"
#include "pipeline/files/descriptors_file.hpp"
#include "pipeline/files/keys_file.hpp"
#include "pipeline/files/segments_file.hpp"
#include "support/temp_folder.hpp"
#include "support/thread_communicator.hpp"

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace datus::test {
namespace virtual_files_test {

namespace fs = std::filesystem;

constexpr GridSize grid = {2, 3};
constexpr int dim = 4;

/// A run of shards whose images are made by hand: `segments[shard][image]` is how many segments an image has, and every
/// stored number is told apart from every other.
class VirtualFiles : public testing::Test {
 protected:
  static RunInputs inputs() {
    RunInputs inputs;
    inputs.images = {1, 2};
    inputs.backend = "cpu";
    return inputs;
  }

  void make(const std::vector<std::vector<int>>& segments, bool padded = false) {
    for (const char* name : {"keys", "segments", "descriptors"}) fs::create_directories(folder_ / name);
    shards_ = static_cast<std::int64_t>(segments.size());
    std::int64_t image = 0;
    for (std::size_t i = 0; i < segments.size(); ++i) {
      make_shard({static_cast<std::int64_t>(i)}, image, segments[i], padded);
      image += static_cast<std::int64_t>(segments[i].size()) + 1;  // one of each shard is unreadable
    }
  }

  void write(int ranks = 1, bool keeps_keys = true) const {
    StorageConfig storage;
    if (!keeps_keys) storage.embeddings = StorageConfig::Embeddings::none;
    run_on_threads(ranks, [&](Communicator& comm) {
      write_virtual_files({run_, provenance_, shards_, storage}, {.tag = "r" + std::to_string(comm.rank())}, comm);
    });
  }

  [[nodiscard]] std::string bytes(const std::string& stage) const { return bytes_of(run_.virtual_file(stage)); }

  /// Rows of the shards one after the other: the independent truth.
  template <class T>
  [[nodiscard]] std::vector<T> rows_of_shards(const std::string& stage, const std::string& dataset) const {
    std::vector<T> all;
    for (const std::string& name : files_below(folder_ / stage)) {
      const auto some = Hdf5Reader(folder_ / stage / name).read<T>(dataset);
      all.insert(all.end(), some.begin(), some.end());
    }
    return all;
  }

  template <class T>
  void expect_rows(const std::string& stage, const std::string& dataset) const {
    EXPECT_EQ(Hdf5Reader(run_.virtual_file(stage)).read<T>(dataset), rows_of_shards<T>(stage, dataset)) << dataset;
  }

  TempFolder folder_;
  RunDirectory run_{folder_.path()};
  Provenance provenance_{default_config(), inputs()};
  std::int64_t shards_ = 0;

 private:
  void make_shard(ShardIndex shard, std::int64_t first_image, const std::vector<int>& segments, bool padded) const {
    KeysFile keys;
    keys.grid = grid;
    keys.patch = 8;
    keys.dim = dim;
    keys.cls_dim = dim;
    SegmentsFile found;
    found.grid = grid;
    found.patch = 8;
    DescriptorsFile descriptors;
    descriptors.dim = dim;
    auto number = [base = 1000.0F * static_cast<float>(shard.value), next = 0]() mutable {
      return base + static_cast<float>(++next);
    };
    std::vector<float> values;
    for (std::size_t i = 0; i < segments.size(); ++i) {
      const std::int64_t image = first_image + static_cast<std::int64_t>(i);
      keys.images.image.push_back(image);
      for (int v = 0; v < grid.patches() * dim; ++v) values.push_back(number());
      for (int v = 0; v < dim; ++v) keys.cls.push_back(number());
      for (int p = 0; p < grid.patches(); ++p) {
        if (padded) keys.valid.push_back(p % 2 == 0 ? 1 : 0);
        found.segment.push_back(static_cast<std::int16_t>(p < segments[i] ? p : -1));
        found.community.push_back(static_cast<std::int16_t>(10 * shard.value + p));
      }
      for (int s = 0; s < segments[i]; ++s) {
        found.box.push_back({static_cast<std::int16_t>(s), static_cast<std::int16_t>(shard.value), 1, 1});
        found.size.push_back(static_cast<std::int32_t>(100 * image + s));
        for (int v = 0; v < dim; ++v) descriptors.descriptor.push_back(number());
        descriptors.image.push_back(image);
        descriptors.segment.push_back(s);
      }
      found.offset.push_back(found.offset.back() + segments[i]);
    }
    keys.keys = KeyValues(values, KeyType::float16);
    keys.images.unreadable = {first_image + static_cast<std::int64_t>(segments.size())};
    found.images = keys.images;
    write_keys(run_.keys(shard), keys, provenance_.of(Stage::extract).of_shard(shard));
    write_segments(run_.segments(shard), found, provenance_.of(Stage::segment).of_shard(shard));
    write_descriptors(run_.descriptors(shard), descriptors, provenance_.of(Stage::describe).of_shard(shard));
  }
};

TEST_F(VirtualFiles, HoldTheRowsOfAllShardsInTheirOrder) {
  make({{2, 1}, {3}, {1, 1, 2}});
  write();
  expect_rows<half>("keys", "keys");
  expect_rows<float>("keys", "cls");
  expect_rows<std::int64_t>("keys", "image");
  expect_rows<std::int16_t>("segments", "segment");
  expect_rows<std::int16_t>("segments", "community");
  expect_rows<std::int64_t>("segments", "image");
  expect_rows<std::int16_t>("segments", "box");
  expect_rows<std::int32_t>("segments", "size");
  expect_rows<float>("descriptors", "descriptor");
  expect_rows<std::int64_t>("descriptors", "image");
  expect_rows<std::int32_t>("descriptors", "segment");
  const Hdf5Reader keys(run_.virtual_file("keys"));
  EXPECT_EQ(keys.shape("keys"), (Shape{6, 6, 4}));
  EXPECT_EQ(keys.datasets(), (std::vector<std::string>{"/cls", "/image", "/keys"}));
  EXPECT_EQ(keys.read<std::int64_t>("image"), (std::vector<std::int64_t>{0, 1, 3, 5, 6, 7}));
}

TEST_F(VirtualFiles, TheOffsetIsThatOfTheWholeRun) {
  make({{2, 1}, {3}, {0, 1, 2}});
  write();
  const Hdf5Reader reader(run_.virtual_file("segments"));
  EXPECT_EQ(reader.read<std::int64_t>("offset"), (std::vector<std::int64_t>{0, 2, 3, 6, 6, 7, 9}));
}

TEST_F(VirtualFiles, SayWhatTheShardsSay) {
  make({{1}, {1}}, true);
  write();
  for (const auto& [stage, name] : {std::pair(Stage::extract, "keys"), std::pair(Stage::segment, "segments")}) {
    const Hdf5Reader reader(run_.virtual_file(name));
    EXPECT_EQ(reader.attribute<std::int64_t>("/", "rows"), 2);
    EXPECT_EQ(reader.attribute<std::int64_t>("/", "cols"), 3);
    EXPECT_EQ(reader.attribute<std::int64_t>("/", "patch"), 8);
    EXPECT_TRUE(has_provenance(reader, provenance_.of(stage)));
    EXPECT_FALSE(reader.has_attribute("/", "shard"));
  }
  EXPECT_FALSE(Hdf5Reader(run_.virtual_file("descriptors")).has_attribute("/", "patch"));
  expect_rows<std::uint8_t>("keys", "valid");
}

TEST_F(VirtualFiles, ShardsWithoutImagesOrSegmentsAreLeftOutOfTheRows) {
  make({{}, {0, 0}, {2}, {}, {1, 0}});
  write(3);
  expect_rows<half>("keys", "keys");
  expect_rows<float>("descriptors", "descriptor");
  const Hdf5Reader reader(run_.virtual_file("segments"));
  EXPECT_EQ(reader.read<std::int64_t>("offset"), (std::vector<std::int64_t>{0, 0, 0, 2, 3, 3}));
  EXPECT_EQ(reader.shape("box"), (Shape{3, 4}));
}

TEST_F(VirtualFiles, AnEmptyShardNeedNotHaveWhatOthersHave) {
  make({{}, {1}, {2, 1}}, true);
  ASSERT_FALSE(Hdf5Reader(run_.keys({0})).has("valid"));
  write();
  expect_rows<half>("keys", "keys");
  EXPECT_EQ(Hdf5Reader(run_.virtual_file("keys")).shape("valid"), (Shape{3, grid.patches()}));
}

TEST_F(VirtualFiles, TheWidthOfAnEmptyShardDoesNotMatter) {
  make({{0}, {1}, {2, 1}});
  DescriptorsFile empty;
  empty.dim = 1;
  write_descriptors(run_.descriptors({0}), empty, provenance_.of(Stage::describe).of_shard({0}));
  write();
  expect_rows<float>("descriptors", "descriptor");
  EXPECT_EQ(Hdf5Reader(run_.virtual_file("descriptors")).shape("descriptor"), (Shape{4, dim}));
}

TEST_F(VirtualFiles, AShardThatDoesNotGoWithTheOthersIsNamed) {
  make({{1}, {1}}, true);
  KeysFile keys = read_keys(run_.keys({1}), std::nullopt);
  keys.valid.clear();
  write_keys(run_.keys({1}), keys, provenance_.of(Stage::extract).of_shard({1}));
  try {
    write(2);
    FAIL() << "nothing was thrown";
  } catch (const AgreedError& error) {
    EXPECT_NE(std::string(error.what()).find("keys/000001.h5 does not go with"), std::string::npos) << error.what();
  }
}

TEST_F(VirtualFiles, ARunWithoutAnySegmentHasThemToo) {
  make({{0}, {}});
  write();
  EXPECT_EQ(Hdf5Reader(run_.virtual_file("descriptors")).shape("descriptor"), (Shape{0, dim}));
  EXPECT_EQ(Hdf5Reader(run_.virtual_file("segments")).shape("box"), (Shape{0, 4}));
}

TEST_F(VirtualFiles, TheBytesDependNeitherOnRanksNorOnThePlace) {
  make({{2, 1}, {3}, {1}, {2}});
  write(1);
  const std::vector<std::string> stages = {"keys", "segments", "descriptors"};
  std::vector<std::string> alone;
  for (const std::string& stage : stages) alone.push_back(bytes(stage));
  for (const int ranks : {2, 7}) {
    for (const std::string& stage : stages) fs::remove(run_.virtual_file(stage));
    write(ranks);
    for (std::size_t i = 0; i < stages.size(); ++i) EXPECT_TRUE(bytes(stages[i]) == alone[i]) << ranks;
  }
  for (const std::string& stage : stages) {
    EXPECT_EQ(bytes(stage).find(folder_.path().filename().string()), std::string::npos) << "a path is in it";
  }
}

TEST_F(VirtualFiles, EqualOnesAreLeftAlone) {
  make({{1}, {2}});
  write();
  struct stat before {};
  struct stat after {};
  ASSERT_EQ(::stat(run_.virtual_file("keys").c_str(), &before), 0);
  write(2);
  ASSERT_EQ(::stat(run_.virtual_file("keys").c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
}

// HDF5 1.10 may crash on these: they must not be opened.
TEST_F(VirtualFiles, DamagedOnesAreMadeAnew) {
  make({{1}, {2}});
  write();
  for (const std::string stage : {"keys", "segments", "descriptors"}) {
    const std::string good = bytes(stage);
    for (std::size_t at = 0; at < good.size(); at += good.size() / 9) {
      std::string damaged = good;
      damaged[at] = static_cast<char>(~damaged[at]);
      write_bytes(run_.virtual_file(stage), damaged);
      write();
      ASSERT_TRUE(bytes(stage) == good) << stage << ", byte " << at;
    }
    for (const std::size_t size : {std::size_t{0}, good.size() / 2, good.size() - 1}) {
      write_bytes(run_.virtual_file(stage), good.substr(0, size));
      write();
      EXPECT_TRUE(bytes(stage) == good) << stage << ", " << size << " bytes";
    }
    write_bytes(run_.virtual_file(stage), good + "x");
    write();
    EXPECT_TRUE(bytes(stage) == good) << stage;
  }
  EXPECT_EQ(files_below(folder_.path()).size(), 9U) << "something was left behind";
}

TEST_F(VirtualFiles, AreRemovedWhenAShardIsMissingOrOfSomethingElse) {
  make({{1}, {2}, {1}});
  write();
  fs::remove(run_.segments({1}));
  fs::copy_file(run_.descriptors({0}), run_.descriptors({2}), fs::copy_options::overwrite_existing);
  write(2);
  EXPECT_TRUE(fs::exists(run_.virtual_file("keys")));
  EXPECT_FALSE(fs::exists(run_.virtual_file("segments")));
  EXPECT_FALSE(fs::exists(run_.virtual_file("descriptors")));
  const std::vector<std::string> other = {"model.input_size=448"};
  provenance_ = Provenance(default_config(other), inputs());
  write();
  EXPECT_FALSE(fs::exists(run_.virtual_file("keys")));
}

TEST_F(VirtualFiles, KeysThatAreNotKeptHaveNone) {
  make({{1}, {2}});
  write();
  write(2, false);
  EXPECT_FALSE(fs::exists(run_.virtual_file("keys")));
  EXPECT_TRUE(fs::exists(run_.virtual_file("segments")));
}

TEST_F(VirtualFiles, ADamagedShardIsNamedOnAllRanks) {
  make({{1}, {2}, {1}});
  write_bytes(run_.segments({2}), "no HDF5");
  try {
    write(3);
    FAIL() << "nothing was thrown";
  } catch (const AgreedError& error) {
    EXPECT_NE(std::string(error.what()).find("segments/000002.h5"), std::string::npos) << error.what();
  }
}

TEST_F(VirtualFiles, NothingIsRenamedOrRemovedOnceTheLockIsLost) {
  make({{1}, {2}});
  write();
  const std::string good = bytes("keys");
  fs::remove(run_.keys({1}));
  const WriteOptions lost = {.tag = "t", .before_rename = [] { throw SystemError("the lock is lost", "", ""); }};
  EXPECT_THROW(run_on_threads(1,
                              [&](Communicator& comm) {
                                write_virtual_files({run_, provenance_, 2, StorageConfig()}, lost, comm);
                              }),
               AgreedError);
  EXPECT_TRUE(bytes("keys") == good);
}

TEST_F(VirtualFiles, AMovedRunStillWorks) {
  make({{1, 2}, {2}});
  write();
  const TempFolder other;
  fs::rename(folder_.path(), other / "moved");
  const Hdf5Reader reader(other / "moved/descriptors.h5");
  EXPECT_EQ(reader.verify(), VerifyResult::verified);
  EXPECT_EQ(reader.read<std::int64_t>("image"), (std::vector<std::int64_t>{0, 1, 1, 3, 3}));
  fs::rename(other / "moved", folder_.path());
}

// What all of this is for. Debian's h5py belongs to this interpreter.
TEST_F(VirtualFiles, H5pyReadsThem) {
  constexpr const char* python = "/usr/bin/python3";
  if (std::system((std::string(python) + " -c 'import h5py' 2> /dev/null").c_str()) != 0) {
    GTEST_SKIP() << python << " has no h5py";
  }
  make({{2, 1}, {}, {3}, {0, 1}}, true);
  write(2);
  write_bytes(folder_ / "compare.py", R"(
import glob, sys, h5py, numpy
datasets = {"keys": ["keys", "cls", "image", "valid"],
            "segments": ["segment", "community", "image", "box", "size"],
            "descriptors": ["descriptor", "image", "segment"]}
for stage, names in datasets.items():
    whole = h5py.File(f"{stage}.h5", "r")
    shards = [h5py.File(path, "r") for path in sorted(glob.glob(f"{stage}/*.h5"))]
    assert len(shards) == 4
    for name in names:
        rows = [shard[name][()] for shard in shards if name in shard and len(shard[name])]
        assert whole[name].is_virtual and whole[name].dtype == rows[0].dtype
        assert numpy.array_equal(whole[name][()], numpy.concatenate(rows)), (stage, name)
whole = h5py.File("segments.h5", "r")
assert whole["offset"][()].tolist() == [0, 2, 3, 6, 6, 7]
assert whole.attrs["rows"] == 2 and whole.attrs["cols"] == 3 and whole.attrs["patch"] == 8
)");
  EXPECT_EQ(std::system(("cd '" + folder_.path().string() + "' && " + python + " compare.py").c_str()), 0);
}

}  // namespace virtual_files_test
}  // namespace datus::test
