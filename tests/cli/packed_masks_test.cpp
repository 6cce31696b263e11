// SPDX-License-Identifier: Apache-2.0
#include "cli/plain_files.hpp"
#include "cli/suite_folder.hpp"
#include "datus/core/names.hpp"
#include "datus/io/image_reader.hpp"
#include "datus/io/mask_file.hpp"
#include "support/run_files.hpp"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <sys/stat.h>

// mask.formats: the same masks in HDF5 files, one for each shard, in place of PNGs or beside them.
namespace datus::test {
namespace packed_masks_test {

namespace fs = std::filesystem;

/// Whether a file was written since, told by its inode and time.
using Identity = std::pair<ino_t, fs::file_time_type>;

Identity identity_of(const fs::path& file) {
  struct stat status {};
  EXPECT_EQ(::stat(file.c_str(), &status), 0) << file;
  return {status.st_ino, fs::last_write_time(file)};
}

/// The bytes of a run's masks, by name below RUN/masks.
Contents masks_below(const fs::path& run) {
  Contents contents;
  for (const std::string& name : files_below(run / "masks")) contents[name] = bytes_of(run / "masks" / name);
  return contents;
}

/// Those whose names have `part` in them, or with `false` all others.
Contents part_of(const Contents& all, const std::string& part, bool has = true) {
  Contents some;
  for (const auto& [name, bytes] : all) {
    if ((name.find(part) != std::string::npos) == has) some[name] = bytes;
  }
  return some;
}

/// One is damaged beyond its record.
void flip_a_bit(const fs::path& file) {
  std::string bytes = bytes_of(file);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  write_bytes(file, bytes);
}

class PackedMasks : public SuiteFolder<PackedMasks> {
 protected:
  /// Six images, one of which cannot be read, in three shards, with ground truth of two classes; a run with PNGs
  /// (png/run) and one with HDF5 (packed/run).
  static void SetUpTestSuite() {
    const fs::path folder = suite_folder().path();
    write_test_images(folder / "images", 6);
    fs::create_directories(folder / "images/sub");
    fs::rename(folder / "images/f.png", folder / "images/sub/f.png");
    for (const std::string& name : files_below(folder / "images")) {
      const ImageHeader header = read_image_header(folder / "images" / name);
      std::vector<std::uint8_t> truth;
      for (int i = 0; i < header.height * header.width; ++i) {
        truth.push_back(static_cast<std::uint8_t>(i % header.width / 16 % 2));
      }
      fs::create_directories((folder / "truth" / name).parent_path());
      write_grey_png(folder / "truth" / mask_name(name), truth, header.height, header.width);
    }
    const std::string bytes = bytes_of(folder / "images/c.png");
    write_bytes(folder / "images/c.png", bytes.substr(0, bytes.size() / 2));
    write_bytes(folder / "mine.yaml",
                "dataset: {kind: index_png, images: images, truth: truth, classes: 2, shard_size: 2}\n"
                "affinity: {center: image}\nsegment: {min_patches: 1}\ndescriptor: {kind: mean_key}\n"
                "cluster: {k: [3, 4]}\nmodel: {weights: '" +
                    tiny_weights() + "', heads: 2, input_size: 32}\n");
    expect_run("png", "png");
    expect_run("packed", "hdf5");
  }

  static fs::path path(const std::string& name) { return suite_folder() / name; }

  /// `datus COMMAND mine.yaml` on the run `run` of that folder.
  static Outcome command(const std::string& name, const std::string& folder, const std::string& formats, int ranks = 0,
                         const Arguments& more = {}, const Arguments& environment = {}) {
    fs::create_directories(path(folder));
    Arguments arguments = {name, "../mine.yaml", "--run", "run", "--set", "mask.formats=" + formats};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments, {.folder = path(folder), .ranks = ranks, .environment = environment});
  }

  static void expect_run(const std::string& folder, const std::string& formats, int ranks = 0) {
    const Outcome outcome = command("run", folder, formats, ranks);
    ASSERT_EQ(outcome.code, 4) << outcome;  // of the unreadable image
    expect_verified(folder);
  }

  static void expect_verified(const std::string& folder) {
    const Outcome outcome = run_program({"inspect", "--verify", "run"}, {.folder = path(folder)});
    EXPECT_EQ(outcome.code, 0) << outcome;
    EXPECT_EQ(outcome.out.find("note "), std::string::npos) << outcome;
  }

  /// A copy of a run, which is written to.
  static void copy_run(const std::string& from, const std::string& to) {
    fs::create_directories(path(to));
    fs::copy(path(from + "/run"), path(to + "/run"), fs::copy_options::recursive);
  }
};

/// The mask of each image by a file of all of them, read as other programs do.
LabelMap packed_mask_of(const Hdf5Reader& file, const std::string& name) {
  const Shape shape = file.shape(name, 2);
  LabelMap map(static_cast<int>(shape[0]), static_cast<int>(shape[1]));
  map.labels = file.read<std::int32_t>(name);
  const auto unassigned = static_cast<std::int32_t>(file.attribute<std::int64_t>("/", "unassigned"));
  std::ranges::replace(map.labels, unassigned, no_label);
  return map;
}

void expect_masks_of(const fs::path& index, const fs::path& pngs, int unreadable) {
  const Hdf5Reader file(index);
  const auto names = file.names("name");
  ASSERT_GE(names.size(), 6U);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string name = "mask/" + zero_padded(static_cast<long long>(i), 6);
    if (static_cast<int>(i) == unreadable) {
      EXPECT_FALSE(file.has(name)) << names[i];
      continue;
    }
    const LabelMap map = packed_mask_of(file, name);
    const LabelMap png = read_mask(pngs / mask_name(names[i]));
    EXPECT_EQ(map.width, png.width) << names[i];
    EXPECT_EQ(map.labels, png.labels) << names[i];
  }
}

TEST_F(PackedMasks, HaveTheLabelsOfThePngs) {
  EXPECT_TRUE(part_of(masks_below(path("packed/run")), ".png").empty());
  EXPECT_TRUE(part_of(masks_below(path("png/run")), ".h5").empty());
  // Also elsewhere: links are relative.
  const TempFolder elsewhere;
  fs::copy(path("packed/run"), elsewhere / "moved", fs::copy_options::recursive);
  for (const std::string k : {"k003", "k004"}) {
    expect_masks_of(path("packed/run/masks/" + k + ".h5"), path("png/run/masks/" + k), 2);
    expect_masks_of(elsewhere / "moved/masks" / (k + ".h5"), path("png/run/masks/" + k), 2);
  }
  // A shard by itself.
  const Hdf5Reader shard(path("packed/run/masks/k003-packed/000001.h5"));
  EXPECT_EQ(shard.read<std::int64_t>("image"), std::vector<std::int64_t>{3});
  EXPECT_EQ(shard.names("name"), std::vector<std::string>{"d.png"});
  EXPECT_EQ(shard.dtype("mask/000003"), Dtype::u8);
  EXPECT_EQ(shard.attribute<std::int64_t>("/", "k"), 3);
  EXPECT_EQ(shard.attribute<std::int64_t>("/", "unassigned"), 255);
  EXPECT_EQ(shard.shape("palette"), (Shape{3, 3}));
  EXPECT_EQ(packed_mask_of(shard, "mask/000003").labels, read_mask(path("png/run/masks/k003/d.png")).labels);
}

TEST_F(PackedMasks, AreTheSameBytesOnAnyNumberOfRanks) {
  const Contents wanted = masks_below(path("packed/run"));
  for (const int ranks : {1, 3}) {
    const std::string folder = "ranks" + std::to_string(ranks);
    expect_run(folder, "[hdf5, png]", ranks);
    const Contents both = masks_below(path(folder + "/run"));
    EXPECT_EQ(part_of(both, ".h5"), wanted);
    EXPECT_EQ(part_of(both, ".h5", false), masks_below(path("png/run")));
  }
}

TEST_F(PackedMasks, AreReadAsPngsAre) {
  const fs::path png = path("png/run");
  const fs::path packed = path("packed/run");
  for (const std::string& name : files_below(png / "scores")) {
    EXPECT_EQ(bytes_of(png / "scores" / name), bytes_of(packed / "scores" / name)) << name;
  }
  const auto pictures = files_below(png / "report/pictures");
  ASSERT_FALSE(pictures.empty());
  EXPECT_EQ(pictures, files_below(packed / "report/pictures"));
  for (const std::string& name : pictures) {
    EXPECT_EQ(bytes_of(png / "report/pictures" / name), bytes_of(packed / "report/pictures" / name)) << name;
  }
  for (const std::string format : {"class", "coco-rle", "hdf5"}) {
    for (const std::string folder : {"png", "packed"}) {
      const Outcome outcome =
          run_program({"export", "run", "--to", format, "--k", "3", "--out", "../" + format + "-" + folder},
                      {.folder = path(folder)});
      ASSERT_EQ(outcome.code, 0) << outcome;
    }
    const auto names = files_below(path(format + "-png"));
    ASSERT_EQ(names, files_below(path(format + "-packed")));
    for (const std::string& name : names) {
      EXPECT_EQ(bytes_of(path(format + "-png") / name), bytes_of(path(format + "-packed") / name)) << name;
    }
  }
  // Masks are evaluated by themselves, too, and nothing of it is made again.
  copy_run("packed", "evaluated");
  fs::remove(path("evaluated/run/scores/k003.json"));
  EXPECT_EQ(command("evaluate", "evaluated", "hdf5", 3).code, 4);
  EXPECT_EQ(bytes_of(path("evaluated/run/scores/k003.json")), bytes_of(png / "scores/k003.json"));
  EXPECT_EQ(masks_below(path("evaluated/run")), masks_below(packed));
}

TEST_F(PackedMasks, WhatIsDamagedOrGoneIsMadeAgain) {
  copy_run("packed", "damaged");
  const fs::path masks = path("damaged/run/masks");
  const Contents wanted = masks_below(path("packed/run"));
  const std::vector<std::string> kept = {"k003-packed/000000.h5", "k004-packed/000001.h5", "k004.h5"};
  std::map<std::string, Identity> before;
  for (const std::string& name : kept) before[name] = identity_of(masks / name);
  flip_a_bit(masks / "k003-packed/000002.h5");
  fs::remove(masks / "k003-packed/000001.h5");
  fs::copy_file(masks / "k003-packed/000002.h5", masks / "k003-packed/000007.h5");
  const Outcome found = run_program({"inspect", "--verify", "run"}, {.folder = path("damaged")});
  EXPECT_EQ(found.code, 3);
  for (const char* line : {"damaged  masks/k003-packed/000002.h5", "missing  masks/k003-packed/000001.h5",
                           "foreign  masks/k003-packed/000007.h5"}) {
    EXPECT_NE(found.out.find(line), std::string::npos) << line << found;
  }
  const Outcome used = run_program({"export", "run", "--to", "class", "--k", "3"}, {.folder = path("damaged")});
  expect_refusal(used, 3, {"The masks of shard 1"});
  const Outcome plan = command("plan", "damaged", "hdf5");
  EXPECT_NE(plan.out.find("mask      K = 3: 2 of 3 shards"), std::string::npos) << plan;
  fs::remove(masks / "k003-packed/000007.h5");
  EXPECT_EQ(command("run", "damaged", "hdf5", 3).code, 4);
  EXPECT_EQ(masks_below(path("damaged/run")), wanted);
  for (const auto& [name, identity] : before) EXPECT_EQ(identity_of(masks / name), identity) << name;
  // The file that has all of them.
  flip_a_bit(masks / "k003.h5");
  fs::remove(masks / "k004.h5");
  const Outcome indexes = run_program({"inspect", "--verify", "run"}, {.folder = path("damaged")});
  EXPECT_NE(indexes.out.find("damaged  masks/k003.h5"), std::string::npos) << indexes;
  EXPECT_NE(indexes.out.find("missing  masks/k004.h5"), std::string::npos) << indexes;
  EXPECT_EQ(command("run", "damaged", "hdf5").code, 4);
  EXPECT_EQ(masks_below(path("damaged/run")), wanted);
}

TEST_F(PackedMasks, AnotherFormatIsMadeFromTheMasksThatAreThere) {
  copy_run("png", "changed");
  const fs::path run = path("changed/run");
  const Identity png = identity_of(run / "masks/k003/a.png");
  // Nothing to make masks from but the masks.
  const Contents keys = results_of(run / "keys");
  EXPECT_EQ(command("run", "changed", "[png, hdf5]", 3).code, 4);
  EXPECT_EQ(identity_of(run / "masks/k003/a.png"), png);
  EXPECT_EQ(part_of(masks_below(run), ".h5"), masks_below(path("packed/run")));
  expect_verified("changed");

  write_bytes(run / "masks/k003/notes.txt", "mine");
  const Outcome plan = command("plan", "changed", "hdf5");
  EXPECT_NE(plan.out.find("mask      up to date (files of png, which mask.formats has not, are removed)"),
            std::string::npos)
      << plan;
  EXPECT_NE(plan.out.find(" files in the end, 8 of them masks\n"), std::string::npos) << plan;
  const Identity packed = identity_of(run / "masks/k003-packed/000000.h5");
  const Outcome fewer = command("run", "changed", "hdf5", 3);
  EXPECT_EQ(fewer.code, 4);
  EXPECT_NE(fewer.err.find("8 files of masks for K = 3 removed: mask.formats has no png"), std::string::npos) << fewer;
  EXPECT_EQ(identity_of(run / "masks/k003-packed/000000.h5"), packed);
  EXPECT_EQ(bytes_of(run / "masks/k003/notes.txt"), "mine");
  fs::remove_all(run / "masks/k003");
  EXPECT_EQ(differences(run, results_of(path("packed/run"))), std::vector<std::string>{});

  EXPECT_EQ(command("run", "changed", "png").code, 4);
  EXPECT_EQ(differences(run, results_of(path("png/run"))), std::vector<std::string>{});
  EXPECT_EQ(results_of(run / "keys"), keys);
}

TEST_F(PackedMasks, OtherClustersReplaceThem) {
  copy_run("packed", "reseeded");
  const Arguments other = {"--set", "affinity.threshold=0.05"};
  EXPECT_EQ(command("run", "reseeded", "hdf5", 3, other).code, 4);
  expect_verified("reseeded");
  EXPECT_EQ(command("run", "new", "hdf5", 0, other).code, 4);
  EXPECT_EQ(differences(path("reseeded/run"), results_of(path("new/run"))), std::vector<std::string>{});
  // Of files that are no longer asked for, too, nothing old is left.
  EXPECT_EQ(command("run", "reseeded", "png").code, 4);
  EXPECT_EQ(differences(path("reseeded/run"), results_of(path("png/run"))), std::vector<std::string>{});
}

TEST_F(PackedMasks, AValueOfKThatIsNotAskedForIsCleaned) {
  copy_run("packed", "cleaned");
  EXPECT_EQ(command("run", "cleaned", "hdf5", 0, {"--set", "cluster.k=4"}).code, 4);
  const Outcome outcome = run_program({"clean", "run"}, {.folder = path("cleaned")});
  EXPECT_EQ(outcome.code, 0) << outcome;
  EXPECT_NE(outcome.out.find("masks/k003-packed"), std::string::npos) << outcome;
  EXPECT_TRUE(part_of(masks_below(path("cleaned/run")), "k003").empty());
  EXPECT_EQ(masks_below(path("cleaned/run")), part_of(masks_below(path("packed/run")), "k004"));
}

TEST_F(PackedMasks, AKilledJobLosesNothing) {
  for (const std::string plan : {"pwrite:2:kill-before:/masks/k003-packed/.000001",
                                 "rename:2:kill-after:/masks/k003-packed/", "rename:1:kill-before:/masks/.k004.h5"}) {
    SCOPED_TRACE(plan);
    fs::remove_all(path("killed"));
    copy_run("packed", "killed");
    for (const char* gone : {"masks", "scores", "report"}) fs::remove_all(path("killed/run") / gone);
    const Outcome killed =
        command("run", "killed", "hdf5", 0, {}, {"LD_PRELOAD=" + faults_library_path(), "DATUS_FAULT=" + plan});
    EXPECT_EQ(killed.code, 128 + 9) << killed;
    EXPECT_EQ(joined_lines(damage(results_of(path("killed/run")), results_of(path("packed/run")))), "");
    EXPECT_EQ(command("run", "killed", "hdf5", 3).code, 4);
    EXPECT_EQ(differences(path("killed/run"), results_of(path("packed/run"))), std::vector<std::string>{});
  }
}

TEST_F(PackedMasks, ARepairedImageComesToThem) {
  copy_run("packed", "repaired");
  fs::create_directories(path("more"));
  fs::copy(path("images"), path("more/images"), fs::copy_options::recursive);
  fs::copy(path("truth"), path("more/truth"), fs::copy_options::recursive);
  write_png(path("more/images/c.png"), test_image(54, 54, 2));
  const Arguments images = {"--set", "dataset.images=../more/images", "--set", "dataset.truth=../more/truth"};
  const Outcome outcome = command("run", "repaired", "hdf5", 0, images);
  EXPECT_EQ(outcome.code, 0) << outcome;
  expect_verified("repaired");
  EXPECT_TRUE(Hdf5Reader(path("repaired/run/masks/k003.h5")).has("mask/000002"));
  // Without the last two their shard goes, too.
  for (const char* gone : {"e.png", "sub/f.png"}) fs::remove(path("more/images") / gone);
  const Outcome fewer = command("run", "repaired", "hdf5", 0, images);
  EXPECT_EQ(fewer.code, 0) << fewer;
  expect_verified("repaired");
  EXPECT_FALSE(fs::exists(path("repaired/run/masks/k003-packed/000002.h5")));
}

TEST_F(PackedMasks, OfMoreClustersThanAByteHolds) {
  fs::create_directories(path("many"));
  for (int i = 0; i < 24; ++i) {
    write_png(path("many/" + std::to_string(10 + i) + ".png"), test_image(32, 48, static_cast<unsigned>(i)));
  }
  write_bytes(path("many.yaml"),
              "preset: patch-kmeans\ndataset: {images: many}\ncluster: {k: 300}\nmask: {formats: [hdf5, png]}\n"
              "model: {weights: '" +
                  tiny_weights() + "', heads: 2, input_size: 32}\n");
  const Outcome run = run_program({"run", "many.yaml", "--run", "many_run"}, {.folder = suite_folder().path()});
  ASSERT_EQ(run.code, 0) << run;
  const fs::path masks = path("many_run/masks");
  EXPECT_EQ(Hdf5Reader(masks / "k300-packed/000000.h5").dtype("mask/000000"), Dtype::i32);
  EXPECT_EQ(Hdf5Reader(masks / "k300.h5").attribute<std::int64_t>("/", "unassigned"), 65535);
  expect_masks_of(masks / "k300.h5", masks / "k300", -1);
}

TEST_F(PackedMasks, AnAppliedRunHasThem) {
  const Outcome outcome =
      run_program({"apply", "packed/run", "--images", "images", "--run", "applied"}, {.folder = suite_folder().path()});
  EXPECT_EQ(outcome.code, 4) << outcome;
  expect_masks_of(path("applied/masks/k003.h5"), path("png/run/masks/k003"), 2);
}

TEST_F(PackedMasks, PlainFilesAreMaskedAsPngs) {
  const auto plain = [&](const Arguments& arguments) {
    return run_program(arguments, {.folder = suite_folder().path()});
  };
  write_test_images(path("plain"), 2);
  ASSERT_EQ(plain(tiny_model({"extract", "--images", "plain", "--weights", tiny_weights(), "--out", "keys.h5"})).code,
            0);
  ASSERT_EQ(plain({"segment", "--keys", "keys.h5", "--out", "segments.h5", "--set", "segment.min_patches=0"}).code, 0);
  const auto segments = Hdf5Reader(path("segments.h5")).shape("size")[0];
  write_hdf5(path("clusters.h5"), [&](Hdf5Writer& writer) {
    writer.write<std::int32_t>("k002/assignment", std::vector<std::int32_t>(static_cast<std::size_t>(segments), 1),
                               {segments});
  });
  const Outcome outcome = plain({"mask", "--segments", "segments.h5", "--clusters", "clusters.h5:/k002", "--images",
                                 "plain", "--out", "plain_masks", "--set", "mask.formats=hdf5"});
  EXPECT_EQ(outcome.code, 0) << outcome;
  EXPECT_NE(outcome.err.find("mask.formats has no effect here"), std::string::npos) << outcome;
  EXPECT_TRUE(fs::exists(path("plain_masks/a.png")));
}

}  // namespace packed_masks_test
}  // namespace datus::test
