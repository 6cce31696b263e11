#pragma once

#include "datus/config/config.hpp"
#include "pipeline/files/provenance.hpp"
#include "pipeline/pending/files_to_make.hpp"

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>

namespace datus {

/// What parts of a run take on one machine, with one configuration. All of it is per rank, measured while the other
/// ranks of the node did the same; the slowest rank counts. "thread_seconds" are of one of the rank's threads while its
/// other threads are as busy: work that is shared by t threads takes 1/t of them.
struct CalibrationValues {
  // Start.
  double process_start_seconds = 0;   ///< from exec to the first line of the program: libraries, MPI
  double list_seconds_per_image = 0;  ///< each rank lists all images
  double header_thread_seconds_per_image = 0;
  double weights_hash_seconds = 0;  ///< on rank 0, the others wait
  double weights_load_seconds = 0;  ///< also of descriptor.weights, if they are others
  // Images.
  double segments_per_image = 0;
  double decode_thread_seconds_per_megapixel = 0;  ///< reading, decoding, resizing; by pixels of the original
  double forward_thread_seconds_per_image = 0;
  double segment_thread_seconds_per_image = 0;
  double describe_thread_seconds_per_image = 0;
  double describe_thread_seconds_per_segment = 0;
  double crop_thread_seconds_per_segment = 0;  ///< of the line before: what is not a forward pass
  // Files.
  double file_write_seconds = 0;  ///< of a small file: written, fsync, read back, renamed
  double write_bytes_per_second = 0;
  double file_open_seconds = 0;  ///< of a small file: opened, verified
  double read_bytes_per_second = 0;
  // k-means.
  double kmeans_pass_seconds = 0;
  double kmeans_pass_seconds_per_centroid_value = 0;  ///< a centroid has as many values as a descriptor
  double kmeans_thread_seconds_per_row = 0;
  double kmeans_thread_seconds_per_row_and_cluster = 0;  ///< clusters in whole groups of 16
  double kmeans_summary_thread_seconds_per_row = 0;
  double kmeans_plus_plus_thread_seconds_per_row = 0;  ///< for one centroid
  double kmeans_parallel_thread_seconds_per_row = 0;   ///< the whole of k-means|| for 64 centroids
  double kmeans_quality_passes = 0;                    ///< the silhouette and stability, in passes of an iteration
  double allreduce_step_seconds = 0;                   ///< 0 where there was one rank
  double allreduce_seconds_per_byte = 0;               ///< 0 where there was one rank
  // After the clusters.
  double mask_thread_seconds_per_image = 0;
  double mask_and_preview_thread_seconds_per_image = 0;  ///< the same for more than 255 clusters
  double evaluate_thread_seconds_per_megapixel = 0;      ///< 0 without ground truth
  double report_thread_seconds_per_picture = 0;
  // Bytes.
  double mask_bytes_per_image = 0;
  double mask_and_preview_bytes_per_image = 0;
  double report_bytes_per_picture = 0;
  // Memory, bytes: peaks (VmHWM) above what was there before.
  double process_memory_bytes = 0;  ///< with the list of images
  double model_memory_bytes = 0;
  double forward_memory_bytes_per_thread = 0;
  double describe_memory_bytes_per_thread = 0;
  double mask_memory_bytes_per_thread = 0;
  double evaluate_memory_bytes_per_thread = 0;
  double report_memory_bytes_per_thread = 0;
  friend bool operator==(const CalibrationValues&, const CalibrationValues&) = default;
};

/// How the values of several ranks become one.
enum class Agreement { largest, smallest, mean };

/// A member of `CalibrationValues` and its name in the file.
struct CalibrationValue {
  const char* name;
  double CalibrationValues::*member;
  Agreement agreement = Agreement::largest;
};
[[nodiscard]] std::span<const CalibrationValue> calibration_values();

/// Where it was measured.
struct CalibratedMachine {
  std::string cpu;
  std::string torch_backend;
  int ranks = 1;
  int ranks_per_node = 1;
  int threads_per_rank = 1;
  friend bool operator==(const CalibratedMachine&, const CalibratedMachine&) = default;
};

/// The file of `datus plan --calibrate`.
struct Calibration {
  /// What the values depend on: see `calibration_subject`.
  std::map<std::string, std::string> subject;
  CalibratedMachine machine;
  ModelShape shape;
  std::string image_list;            ///< hash of the list that the images were taken from
  std::int64_t listed_images = 0;    ///< in that list
  std::int64_t measured_images = 0;  ///< on all ranks
  bool has_truth = false;
  double seconds = 0;  ///< that measuring took
  CalibrationValues values;
};

/// Whatever decides on the time and the memory of an image or a segment: the hashes of the weights and the settings of
/// the stages up to the masks. Not those that the cost is computed from (k-means, shards, storage), nor the images.
[[nodiscard]] std::map<std::string, std::string> calibration_subject(const Config& config, const RunInputs& inputs);

/// The run directory's path and ".calibration.json": beside the run directory, not in it.
[[nodiscard]] std::filesystem::path default_calibration_file(const Config& config);

/// One JSON object, with schema, hardware, subject and the values by their names.
[[nodiscard]] std::string calibration_text(const Calibration& calibration);

/// Reads the file. Throws `InputError` naming it when it is missing (and how to make it), and the value when one is
/// missing or not a number of at least 0.
[[nodiscard]] Calibration read_calibration(const std::filesystem::path& path);

/// Throws `InputError` naming file and fields unless the calibration is of `subject`.
void require_calibration_of(const Calibration& calibration, const std::map<std::string, std::string>& subject,
                            const std::filesystem::path& path);

}  // namespace datus
