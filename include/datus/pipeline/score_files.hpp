// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/bootstrap.hpp"
#include "datus/algo/boundary.hpp"
#include "datus/algo/scores.hpp"
#include "datus/core/dataset_description.hpp"
#include "datus/io/atomic_file.hpp"
#include "datus/pipeline/truth_pixels.hpp"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace datus {

/// What a score file says beside the scores: whose images the centroids, the clusters and the matching came from, and
/// so on.
using ScoreProvenance = std::map<std::string, std::string>;

/// Scores of one K under one protocol, over the pixels that it counts.
struct ProtocolScores {
  std::string protocol;  ///< its name in the configuration
  Scores scores;
  BoundaryScores boundary;
  Intervals intervals;
  std::vector<std::int64_t> counts;        ///< [K, classes] pixels, neither void nor unassigned
  std::vector<std::int64_t> class_pixels;  ///< [classes] of the ground truth, unassigned ones too
  ScoreProvenance provenance;
};

/// Scores of one K under several protocols, in order.
struct Evaluation {
  int k = 0;
  int classes = 0;
  int void_value = 255;
  std::vector<std::string> class_names;                        ///< empty when not known
  std::vector<DatasetDescription::Colour> class_colours = {};  ///< [classes], or empty
  TruthPixels truth;                                           ///< of the images that are scored, all their pixels
  std::vector<ProtocolScores> protocols;
};

/// JSON, one object keyed by protocol: equal scores give equal bytes.
[[nodiscard]] std::string scores_text(const Evaluation& evaluation);

/// Writes it. Atomic.
void write_scores(const std::filesystem::path& path, const Evaluation& evaluation, const WriteOptions& options = {});

/// Reads it back; `truth` is that of the protocol with the most pixels. Throws `InputError` naming the file when it is
/// not a score file.
[[nodiscard]] Evaluation read_scores(const std::filesystem::path& path);

/// The scores in a file whose mapping is used for a protocol: its own, or else those of "strict", or else the first.
/// Throws `InputError` naming the file when there are none.
[[nodiscard]] const ProtocolScores& mapping_source(const Evaluation& evaluation, const std::string& protocol,
                                                   const std::filesystem::path& path);

/// The cluster-to-class mapping in a score file that `mapping_source` finds for a protocol.
/// `classes` are those of the ground truth, `class_names` their names; without names it is only known that there are at
/// least so many. Throws `InputError` naming the file when it does not have `clusters` entries below `classes`, or was
/// made with another number of classes or other names; numbers in place of names are not compared.
[[nodiscard]] std::vector<int> read_mapping(const std::filesystem::path& path, const std::string& protocol,
                                            int clusters, int classes,
                                            const std::vector<std::string>& class_names = {});

/// The score table that a person reads: one line for each K and protocol.
[[nodiscard]] std::string score_table(const std::vector<Evaluation>& evaluations);

}  // namespace datus
