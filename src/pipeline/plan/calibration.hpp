// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/config/config.hpp"
#include "pipeline/files/provenance.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace datus {

using CalibrationSubject = std::map<std::string, std::string>;

/// The file of `datus plan --calibrate`: what a run of a few images took, where, and of what. Of the slowest rank,
/// while all were at work. "thread_seconds" are of one of a rank's threads while its others are as busy: t threads take
/// t pieces of work in that time.
struct Calibration {
  /// What time and memory of an image or a segment depend on: the hashes of the weights and the settings of the stages
  /// up to the masks. Not those that the cost is computed from (k-means, shards, storage), nor the images.
  CalibrationSubject subject;
  std::string backend;  ///< device, instruction set, LibTorch, BLAS
  bool has_gpus = false;
  int ranks = 1;
  int ranks_per_node = 1;
  int threads_per_rank = 1;
  std::string image_list;            ///< hash of the list that the images were taken from
  std::int64_t listed_images = 1;    ///< in that list
  std::int64_t measured_images = 1;  ///< on all ranks
  int shard_size = 1;
  int grid_rows = 1;
  int grid_cols = 1;
  int embedding_width = 1;
  int descriptor_width = 1;
  // Numbers that a GPU would hold, of both models: `weight_values`, and `activation_values` of the wider one.
  std::int64_t gpu_weights_16_bit = 1;
  std::int64_t gpu_weights_32_bit = 1;
  std::int64_t gpu_values_per_image = 1;       ///< of a batch, of images or crops
  double seconds = 0;                          ///< that measuring took
  double start_seconds = 0;                    ///< from exec until the images are listed, the weights hashed and loaded
  double decode_thread_seconds_per_image = 0;  ///< part of the next one
  double extract_thread_seconds_per_image = 0;
  double segment_thread_seconds_per_image = 0;
  double describe_thread_seconds_per_image = 0;
  double mask_thread_seconds_per_image = 0;
  double evaluate_thread_seconds_per_image = 0;  ///< 0 without ground truth
  double report_thread_seconds_per_picture = 0;
  // By row of this width and by cluster, of all K and restarts, in whole groups of 16.
  double kmeans_iteration_thread_seconds = 0;
  double kmeans_rest_thread_seconds = 0;  ///< choosing the first centroids; silhouette and stability
  double cluster_seconds = 0;             ///< of the sample's stage, which is files more than k-means
  double segments_per_image = 0;
  double mask_bytes_share = 1;      ///< of what `estimate_run_size` expects
  double report_bytes_share = 1;    ///< the same of the report and all small files
  double process_memory_bytes = 0;  ///< with the list of images and the model
  double shard_memory_bytes = 0;    ///< peak of extract, segment and describe above that
  double image_memory_bytes = 0;    ///< peak of clusters, masks, evaluate and report above what was there before
  bool operator==(const Calibration&) const = default;
};

[[nodiscard]] CalibrationSubject calibration_subject(const Config& config, const RunInputs& inputs);

/// One JSON object of the members by their names, and "schema".
[[nodiscard]] std::string calibration_text(const Calibration& calibration);

/// Reads the file. Throws `InputError` naming it when it is missing (and how to make it), names the value that is
/// missing or impossible, and the fields that are not those of `subject`.
[[nodiscard]] Calibration read_calibration(const std::filesystem::path& path, const CalibrationSubject& subject);

}  // namespace datus
