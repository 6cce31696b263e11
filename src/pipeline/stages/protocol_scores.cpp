// SPDX-License-Identifier: Apache-2.0
#include "pipeline/stages/protocol_scores.hpp"

#include "datus/algo/bootstrap.hpp"
#include "datus/algo/confusion.hpp"
#include "datus/core/error.hpp"
#include "datus/core/log.hpp"
#include "datus/core/text.hpp"
#include "pipeline/inputs/options_of_config.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <utility>

namespace datus {
namespace {

/// Which images, and which of their pixels.
enum class Pixels { all, crop, of_learning_half, of_scored_half };

/// This rank's.
std::vector<const ImageCounts*> select(const std::vector<ComparedImage>& images, Pixels pixels) {
  std::vector<const ImageCounts*> selected;
  for (const ComparedImage& image : images) {
    if (pixels == Pixels::of_learning_half && !image.is_learned_from) continue;
    if (pixels == Pixels::of_scored_half && image.is_learned_from) continue;
    selected.push_back(pixels == Pixels::crop ? &image.crop.value() : &image.all);
  }
  return selected;
}

/// Of all ranks.
struct PixelSums {
  ConfusionMatrix matrix;
  BoundaryCounts boundary;
  std::int64_t images = 0;
};

/// COLLECTIVE.
PixelSums sum_up(const std::vector<const ImageCounts*>& images, int clusters, int classes, Communicator& comm) {
  PixelSums sums{ConfusionMatrix(clusters, classes), {}, std::ssize(images)};
  for (const ImageCounts* image : images) {
    sums.matrix.add(*image);
    sums.boundary += image->boundary;
  }
  comm.allreduce(sums.matrix.values(), ReduceOp::sum);
  comm.allreduce(sums.boundary.values(), ReduceOp::sum);
  comm.allreduce(std::span(&sums.images, 1), ReduceOp::sum);
  return sums;
}

/// COLLECTIVE. As many clusters and classes as there are, or occur: at least one of each.
std::array<int, 2> sizes_of(const std::vector<ComparedImage>& images, const ScoreRequest& request, Communicator& comm) {
  std::array<std::int64_t, 2> sizes = {std::max(request.clusters, 1),
                                       std::max<std::int64_t>(1, std::ssize(request.class_names))};
  for (const ComparedImage& image : images) {
    sizes[0] = std::max<std::int64_t>(sizes[0], image.all.clusters);
    for (const CellCount& cell : image.all.cells) {
      sizes[1] = std::max<std::int64_t>(sizes[1], std::int64_t{cell.label} + 1);
    }
  }
  comm.allreduce(sizes, ReduceOp::max);
  return {static_cast<int>(sizes[0]), static_cast<int>(sizes[1])};
}

/// What the protocols share of one K.
class Scorer {
 public:
  /// COLLECTIVE.
  Scorer(const std::vector<ComparedImage>& images, const ScoreRequest& request, Communicator& comm)
      : images_(images), request_(request), comm_(comm) {
    const auto [clusters, classes] = sizes_of(images, request, comm);
    clusters_ = clusters;
    classes_ = classes;
    collectively(comm, [&] {
      if (!request.mapping_file) return;
      given_ = read_scores(*request.mapping_file);
      // Classes without names are counted from the values that occur; those of a mapping are there all the same.
      if (request.class_names.empty()) classes_ = std::max(classes_, given_->classes);
    });
  }

  [[nodiscard]] int clusters() const { return clusters_; }
  [[nodiscard]] int classes() const { return classes_; }

  /// COLLECTIVE.
  [[nodiscard]] PixelSums sums(Pixels pixels) const {
    return sum_up(select(images_, pixels), clusters_, classes_, comm_);
  }

  /// COLLECTIVE. Where all pixels have been summed up already, they are not again.
  [[nodiscard]] ProtocolScores score(const PixelSums& all, EvaluateConfig::Protocol wanted) const {
    const Protocol protocol = protocol_of(wanted);
    const ProtocolRules rules = rules_of(protocol);
    ProtocolScores result;
    result.protocol = protocol_name(wanted);
    result.provenance = request_.provenance;
    std::vector<int> mapping;
    Pixels pixels = rules.crops ? Pixels::crop : Pixels::all;
    if (given_) {
      collectively(comm_, [&] { mapping = given_mapping(result); });
    } else if (rules.learns_on_half) {
      mapping = learned_mapping(result, protocol);
      pixels = Pixels::of_scored_half;
    }
    const PixelSums sums_here = pixels == Pixels::all ? all : sums(pixels);
    if (mapping.empty()) mapping = classes_of_clusters(sums_here.matrix, protocol);
    collectively(comm_, [&] { fill_in(result, sums_here, protocol, mapping); });
    if (rules.crops) result.provenance["pixels"] = "shorter side 320, centre crop";
    const auto replicates = request_.replicates;
    result.intervals = bootstrap(select(images_, pixels), protocol, mapping, classes_,
                                 {.replicates = replicates, .seed = request_.seed, .threads = request_.threads}, comm_);
    return result;
  }

 private:
  /// Of scores without this protocol that of another one, which is said.
  std::vector<int> given_mapping(ProtocolScores& result) const {
    const std::string source = mapping_source(*given_, result.protocol, *request_.mapping_file).protocol;
    if (source != result.protocol) result.provenance["matched_on"] += ", by protocol " + source;
    return read_mapping(*request_.mapping_file, result.protocol, clusters_, classes_, request_.class_names);
  }

  /// COLLECTIVE.
  std::vector<int> learned_mapping(ProtocolScores& result, Protocol protocol) const {
    const PixelSums learned = sums(Pixels::of_learning_half);
    const PixelSums scored = sums(Pixels::of_scored_half);
    collectively(comm_, [&] {
      for (const auto& [half, what] : {std::pair(&learned, "learned from"), std::pair(&scored, "scored")}) {
        if (half->matrix.counts_and_unassigned().sum() > 0) continue;
        throw InputError("Protocol " + result.protocol + " has no pixels in the half of the images that are " + what,
                         "their names decide in which half they are, and here are " +
                             counted(learned.images + scored.images, "image"),
                         "Score more images, or use many_to_one.");
      }
    });
    result.provenance["matched_on"] =
        counted(learned.images, "image") + " of one half of " + result.provenance["matched_on"];
    result.provenance["scored_on"] = counted(scored.images, "image") + " of the other half";
    return classes_of_clusters(learned.matrix, protocol);
  }

  static void fill_in(ProtocolScores& result, const PixelSums& sums, Protocol protocol,
                      const std::vector<int>& mapping) {
    result.scores = datus::score(sums.matrix, protocol, mapping);
    result.boundary = datus::score(sums.boundary);
    const auto cells = sums.matrix.counts();
    result.counts.assign(cells.data(), cells.data() + cells.size());
    const Eigen::RowVectorX<std::int64_t> of_class = sums.matrix.counts_and_unassigned().colwise().sum();
    result.class_pixels.assign(of_class.begin(), of_class.end());
  }

  const std::vector<ComparedImage>& images_;
  const ScoreRequest& request_;
  Communicator& comm_;
  std::optional<Evaluation> given_;
  int clusters_ = 0;
  int classes_ = 0;
};

}  // namespace

Evaluation score_images(const std::vector<ComparedImage>& images, const ScoreRequest& request, Communicator& comm) {
  const Scorer scorer(images, request, comm);
  const PixelSums all = scorer.sums(Pixels::all);
  Evaluation evaluation;
  evaluation.k = scorer.clusters();
  evaluation.classes = scorer.classes();
  evaluation.void_value = request.void_value;
  evaluation.class_names = request.class_names;
  evaluation.class_colours = request.class_colours;
  const Eigen::RowVectorX<std::int64_t> of_class = all.matrix.counts_and_unassigned().colwise().sum();
  evaluation.truth = {{of_class.begin(), of_class.end()}, all.matrix.void_pixels()};
  for (const auto wanted : request.protocols) {
    const std::string why = misfit(protocol_of(wanted), evaluation.k, evaluation.classes);
    if (why.empty()) {
      evaluation.protocols.push_back(scorer.score(all, wanted));
      continue;
    }
    const std::string problem =
        "Protocol " + protocol_name(wanted) + " does not score K = " + std::to_string(evaluation.k);
    if (!request.leaves_out_misfits) {
      throw AgreedError(ExitCode::usage, problem, why,
                        "Use other protocols, or say how many clusters and classes there are.");
    }
    if (comm.rank() == 0) log::warning(problem + ": " + why);
  }
  return evaluation;
}

}  // namespace datus
