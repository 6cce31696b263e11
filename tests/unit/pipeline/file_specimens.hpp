// SPDX-License-Identifier: Apache-2.0
#pragma once

// Every kind of file that a run keeps: how it is written, and how it is read by the stage that needs it.

#include "datus/comm/self_communicator.hpp"
#include "pipeline/files/cluster_checkpoint.hpp"
#include "pipeline/files/cluster_files.hpp"
#include "pipeline/files/descriptors_file.hpp"
#include "pipeline/files/image_keys.hpp"
#include "pipeline/files/keys_file.hpp"
#include "pipeline/files/keys_reader.hpp"
#include "pipeline/files/mask_store.hpp"
#include "pipeline/files/packed_mask.hpp"
#include "pipeline/files/segments_file.hpp"
#include "pipeline/files/verified_file.hpp"
#include "shard_samples.hpp"
#include "support/temp_folder.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <ostream>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

namespace datus::test {

namespace fs = std::filesystem;

// ---- Everything that was read, as bytes ----

inline void add(std::string& bytes, const auto& value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

template <class Values>
void add_all(std::string& bytes, const Values& values) {
  add(bytes, values.size());
  for (const auto& value : values) {
    if constexpr (std::is_same_v<typename Values::value_type, std::string>) {
      bytes += value + '\0';
    } else {
      add(bytes, value);
    }
  }
}

inline void add_images(std::string& bytes, const ImageKeys& images) {
  add_all(bytes, images.image);
  add_all(bytes, images.name);
  add_all(bytes, images.unreadable);
  add_all(bytes, images.content);
  bytes += images.listed;
}

inline std::string contents(const KeysFile& file) {
  std::string bytes;
  add_images(bytes, file.images);
  add(bytes, file.grid);
  add(bytes, file.patch);
  add(bytes, file.dim);
  file.keys.visit([&](const auto& values) { add_all(bytes, values); });
  add_all(bytes, file.cls);
  add_all(bytes, file.valid);
  return bytes;
}

inline std::string contents(const SegmentsFile& file) {
  std::string bytes;
  add_images(bytes, file.images);
  add(bytes, file.grid);
  add(bytes, file.patch);
  add_all(bytes, file.segment);
  add_all(bytes, file.community);
  add_all(bytes, file.offset);
  add_all(bytes, file.box);
  add_all(bytes, file.size);
  return bytes;
}

inline std::string contents(const DescriptorsFile& file) {
  std::string bytes;
  add_images(bytes, file.images);
  add(bytes, file.dim);
  add_all(bytes, file.descriptor);
  add_all(bytes, file.image);
  add_all(bytes, file.segment);
  return bytes;
}

inline std::string contents(const AssignmentFile& file) {
  std::string bytes;
  add_all(bytes, file.clusters);
  add_all(bytes, file.shard_offset);
  return bytes;
}

inline std::string contents(const Centroids& file) {
  std::string bytes;
  add(bytes, file.k);
  add(bytes, file.dim);
  add_all(bytes, file.values);
  return bytes;
}

inline std::string contents(const ImageList& list) {
  std::string bytes;
  add(bytes, list.shard_size);
  for (const ListedImage& image : list.images) {
    bytes += image.name + '\0';
    add(bytes, image.bytes);
    add(bytes, image.width);
    add(bytes, image.height);
    add(bytes, image.sign.value_or(FileSign()));
  }
  return bytes;
}

inline std::string contents(const KMeansState& state) {
  std::string bytes = state.data + '\0' + state.settings + '\0';
  for (const KMeansPair& pair : state.pairs) {
    add(bytes, pair.clusters);
    add(bytes, pair.restart);
    add(bytes, pair.phase);
    add_all(bytes, pair.centroids);
    add_all(bytes, pair.previous);
    add_all(bytes, pair.inertia);
    add(bytes, pair.final_inertia);
    add(bytes, pair.converged);
    add(bytes, pair.repairs);
    add_all(bytes, pair.mini_batch.weights);
    add(bytes, pair.mini_batch.batches);
    add(bytes, pair.mini_batch.smoothed);
    add(bytes, pair.mini_batch.lowest);
    add(bytes, pair.mini_batch.without_improvement);
  }
  return bytes;
}

// ---- The kinds of files ----

/// One kind of file: written through the functions of a run, read as the stages of a run read it.
struct Specimen {
  const char* name;
  /// Writes the file of a shard, and returns what is in it.
  std::function<std::string(const fs::path&, int shard)> write;
  /// Reads the file of shard 2. Throws, or returns nothing, when it is not to be used.
  std::function<std::optional<std::string>(const fs::path&)> read;
  /// What `is_current` is asked for; files without provenance have none.
  std::optional<StageProvenance> record = std::nullopt;
  /// Share of the mutations: large files take more time.
  double share = 1.0;
  /// Whether it is put in the place of files of other stages.
  bool is_stranger = false;

  [[nodiscard]] std::string stage() const { return record ? record->stage : name; }
};

/// For the messages of the test framework, which would show it byte by byte.
inline void PrintTo(const Specimen& specimen, std::ostream* stream) {
  *stream << specimen.name;
}

inline Specimen as_stranger(Specimen specimen) {
  specimen.is_stranger = true;
  return specimen;
}

inline Specimen keys_specimen(const char* name, int count, KeyType type, bool padded) {
  const StageProvenance record = sample_record("extract");
  return {name,
          [=](const fs::path& path, int shard) {
            const KeysFile file = sample_keys(count, shard, padded, type);
            write_keys(path, file, record.of_shard({shard}));
            return contents(file);
          },
          [=](const fs::path& path) { return contents(read_keys(path, record.of_shard({2}))); }, record.of_shard({2})};
}

/// Keys that anyone made, by `datus extract --out` for example, read a run of images at a time.
inline Specimen plain_keys_specimen() {
  return {"PlainKeys",
          [](const fs::path& path, int shard) {
            KeysFile file = sample_keys(5, shard, true);
            file.images = sample_names(5);
            write_keys(path, file, std::nullopt);
            file.cls.clear();
            return contents(file);
          },
          [](const fs::path& path) {
            const KeysReader reader(path);
            return contents(reader.read(0, reader.size()));
          }};
}

inline Specimen segments_specimen(const char* name, int count, const std::string& note) {
  const StageProvenance record = sample_record("segment", note);
  return {name,
          [=](const fs::path& path, int shard) {
            const SegmentsFile file = sample_segments(count, shard);
            write_segments(path, file, record.of_shard({shard}));
            return contents(file);
          },
          [=](const fs::path& path) { return contents(read_segments(path, record.of_shard({2}))); },
          record.of_shard({2})};
}

inline Specimen descriptors_specimen(const char* name, int count, int dim, double share) {
  const StageProvenance record = sample_record("describe");
  return {name,
          [=](const fs::path& path, int shard) {
            DescriptorsFile file = sample_descriptors(count, shard, dim);
            write_descriptors(path, file, record.of_shard({shard}));
            return contents(file);
          },
          [=](const fs::path& path) { return contents(descriptors_in(path, record.of_shard({2}))); },
          record.of_shard({2}), share};
}

/// The two files of one K, made together.
inline void write_clusters(const fs::path& centroids, const fs::path& assignment, int shard, std::int64_t rows,
                           const StageProvenance& record) {
  std::vector<std::int32_t> labels;
  for (std::int64_t i = 0; i < rows; ++i) labels.push_back(static_cast<std::int32_t>((i * 7 + shard) % 5));
  const std::vector<std::int64_t> offsets{0, rows / 3, rows / 3, rows};
  SelfCommunicator comm;
  const std::vector<double> values = precise_values(30, shard);
  const std::vector<double> inertia{12.5, 9.0 + shard};
  write_cluster_files(
      centroids, assignment,
      {.centroids = values,
       .k = 5,
       .dim = 6,
       .inertia = inertia,
       .attributes = {.seed = 1, .iterations = 2, .converged = true, .inertia = 9.0, .silhouette = 0.5}},
      labels, offsets, record, {}, comm);
}

/// Another "shard" is another run here: the files have one record for the whole run.
inline StageProvenance cluster_record(int shard) {
  return sample_record("cluster", "dot " + std::to_string(shard));
}

inline Specimen centroids_specimen() {
  return {"Centroids",
          [](const fs::path& path, int shard) {
            write_clusters(path, path.parent_path() / "ignored.h5", shard, 40, cluster_record(shard));
            return contents(Centroids{precise_values(30, shard), 5, 6});
          },
          [](const fs::path& path) { return contents(read_centroids(path.string() + ":/centroids")); },
          cluster_record(2)};
}

inline Specimen assignment_specimen(const char* name, std::int64_t rows, double share) {
  return {name,
          [=](const fs::path& path, int shard) {
            write_clusters(path.parent_path() / "ignored.h5", path, shard, rows, cluster_record(shard));
            AssignmentFile file;
            for (std::int64_t i = 0; i < rows; ++i) {
              file.clusters.push_back(static_cast<std::int32_t>((i * 7 + shard) % 5));
            }
            file.shard_offset = {0, rows / 3, rows / 3, rows};
            return contents(file);
          },
          [](const fs::path& path) { return contents(read_assignment(path, cluster_record(2))); }, cluster_record(2),
          share};
}

inline Specimen checkpoint_specimen() {
  return {"Checkpoint",
          [](const fs::path& path, int shard) {
            const KMeansState state = sample_state(shard, 6);
            SelfCommunicator comm;
            ClusterCheckpoint(path, {}, comm).save(state, 6);
            return contents(state);
          },
          [](const fs::path& path) -> std::optional<std::string> {
            SelfCommunicator comm;
            const std::optional<KMeansState> state = ClusterCheckpoint(path, {}, comm).read();
            if (!state) return std::nullopt;
            return contents(*state);
          }};
}

inline Specimen image_list_specimen() {
  return {"ImageList",
          [](const fs::path& path, int shard) {
            write_image_list(path, sample_list(17, shard));
            return contents(sample_list(17, shard));
          },
          [](const fs::path& path) { return contents(read_image_list(path)); }};
}

// Masks of K = 5 in shards of two images, as a run packs them.

constexpr int packed_clusters = 5;

inline ImageList packed_list() {
  ImageList list = sample_list(8, 1);
  list.shard_size = 2;
  return list;
}

inline Provenance packed_provenance() {
  return {Config(), RunInputs()};
}

inline LabelMap packed_labels(std::int64_t image) {
  LabelMap map(40, 50);
  for (std::size_t i = 0; i < map.labels.size(); ++i) {
    map.labels[i] = static_cast<std::int32_t>((i / 7 + static_cast<std::size_t>(image)) * i / 90 % 6) - 1;
  }
  return map;
}

/// All shards below a folder, and what leads to them.
inline void write_packed_masks(const fs::path& folder) {
  const ImageList list = packed_list();
  const auto store = make_mask_store(MaskConfig::Format::hdf5, {RunDirectory(folder), list, packed_provenance()});
  for (std::int64_t shard = 0; shard < list.shards(); ++shard) {
    const std::int64_t first = 2 * shard;
    const auto writer = store->write(packed_clusters, {shard}, {first, first + 1}, {});
    for (const std::size_t i : {0U, 1U}) writer->add(i, packed_labels(first + static_cast<std::int64_t>(i)));
    writer->commit(1);
  }
  SelfCommunicator comm;
  store->finish({packed_clusters}, {}, comm);
}

inline std::string contents(const std::vector<std::int64_t>& images, const std::vector<LabelMap>& masks) {
  std::string bytes;
  add_all(bytes, images);
  for (const LabelMap& mask : masks) {
    add(bytes, mask.width);
    add_all(bytes, mask.labels);
  }
  return bytes;
}

inline std::string packed_contents(const Hdf5Reader& reader) {
  const auto images = reader.read_verified<std::int64_t>("image");
  std::vector<LabelMap> masks;
  for (const std::int64_t image : images) masks.push_back(widened(read_packed_mask(reader, image)));
  return contents(images, masks);
}

inline std::string packed_sample(int shard) {
  const std::int64_t first = 2 * shard;
  return contents({first, first + 1}, {packed_labels(first), packed_labels(first + 1)});
}

/// Single masks are checked when they are read, also where of the file as a whole only the record was looked at.
inline void expect_single_masks(const fs::path& path, const StageProvenance& record) {
  std::optional<std::string> found;
  try {
    const Hdf5Reader reader(path);
    if (!has_provenance(reader, record)) return;
    found = packed_contents(reader);
  } catch (const InputError&) {
    return;
  }
  if (*found != packed_sample(2)) throw std::logic_error("other masks were read without an error");
}

inline Specimen packed_masks_specimen() {
  const StageProvenance record = packed_provenance().of(Stage::mask, packed_clusters).of_shard({2});
  return {"PackedMasks",
          [](const fs::path& path, int shard) {
            const TempFolder folder;
            write_packed_masks(folder.path());
            fs::copy_file(RunDirectory(folder.path()).packed_masks(packed_clusters, {shard}), path,
                          fs::copy_options::overwrite_existing);
            return packed_sample(shard);
          },
          [=](const fs::path& path) {
            expect_single_masks(path, record);
            return packed_contents(open_verified(path, record));
          },
          record};
}

inline Specimen mask_index_specimen() {
  const StageProvenance record = packed_provenance().of(Stage::mask, packed_clusters);
  const auto read = [=](const fs::path& path) {
    const Hdf5Reader reader = open_verified(path, record);
    std::string bytes;
    add_all(bytes, reader.names("name"));
    add_all(bytes, reader.links());
    return bytes;
  };
  return {"MaskIndex",
          [=](const fs::path& path, int) {
            const TempFolder folder;
            write_packed_masks(folder.path());
            fs::copy_file(RunDirectory(folder.path()).mask_index(packed_clusters), path,
                          fs::copy_options::overwrite_existing);
            return read(path);
          },
          read, record};
}

inline std::vector<Specimen> specimens() {
  // Attributes of more than 4 KiB lie outside the structures that have checksums of their own.
  const std::string long_note(6000, 'x');
  return {keys_specimen("KeysHalfPadded", 5, KeyType::float16, true),
          keys_specimen("KeysFloatOneImage", 1, KeyType::float32, false),
          keys_specimen("KeysNoImage", 0, KeyType::float16, false),
          plain_keys_specimen(),
          as_stranger(segments_specimen("Segments", 6, "dot")),
          segments_specimen("SegmentsOneImage", 1, "dot"),
          segments_specimen("SegmentsLongRecord", 2, long_note),
          as_stranger(descriptors_specimen("Descriptors", 4, 24, 1.0)),
          descriptors_specimen("DescriptorsInChunks", 2, 150'000, 0.4),
          centroids_specimen(),
          as_stranger(assignment_specimen("Assignment", 100, 1.0)),
          assignment_specimen("AssignmentInChunks", 700'000, 0.4),
          checkpoint_specimen(),
          packed_masks_specimen(),
          mask_index_specimen(),
          as_stranger(image_list_specimen())};
}

}  // namespace datus::test
