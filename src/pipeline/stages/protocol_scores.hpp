// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/comm/communicator.hpp"
#include "datus/config/config.hpp"
#include "datus/core/dataset_description.hpp"
#include "datus/pipeline/score_files.hpp"
#include "pipeline/stages/compared_images.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace datus {

/// What scores of one K are made from, beside the images.
struct ScoreRequest {
  std::vector<EvaluateConfig::Protocol> protocols;
  int clusters = 0;                                            ///< 0: as many as occur
  std::vector<std::string> class_names;                        ///< empty: as many classes as occur
  std::vector<DatasetDescription::Colour> class_colours = {};  ///< of them, where they have colours
  int void_value = 255;
  std::optional<std::filesystem::path> mapping_file;  ///< scores whose mapping is taken
  int replicates = 1000;                              ///< of the bootstrap
  std::uint64_t seed = 0;
  int threads = 1;
  ScoreProvenance provenance;  ///< the same for all protocols; "matched_on" says whose the mapping is
  /// Protocols that these clusters do not fit are left out, which is said; else they are an error.
  bool leaves_out_misfits = false;
};

/// COLLECTIVE. Scores of one K under each protocol; `images` are this rank's. Throws `AgreedError`.
[[nodiscard]] Evaluation score_images(const std::vector<ComparedImage>& images, const ScoreRequest& request,
                                      Communicator& comm);

}  // namespace datus
