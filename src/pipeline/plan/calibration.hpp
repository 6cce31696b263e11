#pragma once

#include "datus/config/config.hpp"
#include "pipeline/files/provenance.hpp"
#include "pipeline/pending/files_to_make.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace datus {

/// Where, and of what, it was measured.
struct CalibratedSample {
  std::string backend;  ///< device, instruction set, LibTorch, BLAS
  bool has_gpus = false;
  int ranks = 1;
  int ranks_per_node = 1;
  int threads_per_rank = 1;
  int grid_rows = 1;
  int grid_cols = 1;
  int embedding_width = 1;
  int descriptor_width = 1;
  std::string image_list;            ///< hash of the list that the images were taken from
  std::int64_t listed_images = 1;    ///< in that list
  std::int64_t measured_images = 1;  ///< on all ranks
  int shard_size = 1;
  double seconds = 0;  ///< that measuring took
  [[nodiscard]] ModelShape shape() const { return {{grid_rows, grid_cols}, embedding_width, descriptor_width}; }
  bool operator==(const CalibratedSample&) const = default;
};

/// What a run of a few images took: of the slowest rank, while all were at work. "thread_seconds" are of one of a
/// rank's threads while its others are as busy: t threads take t pieces of work in that time.
struct CalibrationValues {
  double start_seconds = 0;  ///< from exec until the images are listed and the weights hashed
  double weights_load_seconds = 0;
  double shard_files_seconds = 0;  ///< virtual files: by shard of a rank
  double segments_per_image = 0;
  double decode_thread_seconds_per_image = 0;  ///< part of the next one
  double extract_thread_seconds_per_image = 0;
  double segment_thread_seconds_per_image = 0;
  double describe_thread_seconds_per_image = 0;
  double mask_thread_seconds_per_image = 0;
  double evaluate_thread_seconds_per_image = 0;  ///< 0 without ground truth
  double report_thread_seconds_per_picture = 0;
  double mask_bytes_per_image = 0;
  double report_bytes_per_picture = 0;
  // By row of this width and by cluster, of all K and restarts; but for the start in whole groups of 16.
  double kmeans_start_thread_seconds = 0;
  double kmeans_iteration_thread_seconds = 0;
  double kmeans_quality_thread_seconds = 0;
  double kmeans_iterations = 0;     ///< of the sample's K that took most
  double cluster_seconds = 0;       ///< of the sample's stage, which is files more than k-means
  double process_memory_bytes = 0;  ///< with the list of images
  double model_memory_bytes = 0;
  double shard_memory_bytes = 0;  ///< peak of extract, segment and describe above both
  double shard_memory_bytes_per_image = 0;
  double image_memory_bytes = 0;  ///< peak of masks, evaluate and report above the process
  bool operator==(const CalibrationValues&) const = default;
};

/// The file of `datus plan --calibrate`.
struct Calibration {
  std::map<std::string, std::string> subject;  ///< what the values depend on: see `calibration_subject`
  CalibratedSample sample;
  CalibrationValues values;
};

/// Whatever decides on the time and the memory of an image or a segment: the hashes of the weights and the settings of
/// the stages up to the masks. Not those that the cost is computed from (k-means, shards, storage), nor the images.
[[nodiscard]] std::map<std::string, std::string> calibration_subject(const Config& config, const RunInputs& inputs);

/// The run directory's path and ".calibration.json": beside the run directory, not in it.
[[nodiscard]] std::filesystem::path default_calibration_file(const Config& config);

/// One JSON object: schema, sample, subject, and the values by their names.
[[nodiscard]] std::string calibration_text(const Calibration& calibration);

/// Reads the file. Throws `InputError` naming it when it is missing (and how to make it), and the value when one is
/// missing or not a number of at least 0.
[[nodiscard]] Calibration read_calibration(const std::filesystem::path& path);

/// Throws `InputError` naming file and fields unless the calibration is of `subject`.
void require_calibration_of(const Calibration& calibration, const std::map<std::string, std::string>& subject,
                            const std::filesystem::path& path);

}  // namespace datus
