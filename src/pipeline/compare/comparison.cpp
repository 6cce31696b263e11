// SPDX-License-Identifier: Apache-2.0
#include "pipeline/compare/comparison.hpp"

#include "datus/algo/confusion.hpp"
#include "datus/algo/image_counts.hpp"
#include "datus/core/error.hpp"
#include "datus/core/parallel.hpp"
#include "datus/core/stop_signals.hpp"
#include "datus/core/text.hpp"
#include "datus/pipeline/score_files.hpp"
#include "pipeline/inputs/options_of_config.hpp"
#include "pipeline/session/progress.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <numeric>

namespace datus {
namespace {

constexpr std::size_t runs = 2;

/// All that is kept of an image.
struct Counts {
  ImageCounts pairs;                       ///< `count_label_pairs`
  std::array<ImageCounts, runs> of_truth;  ///< no cells without ground truth
};

Counts count_pixels(const RunPair& pair, const CommonImage& image, int classes) {
  const std::array masks = {pair.mask(0, image), pair.mask(1, image)};
  Counts counts;
  counts.pairs = count_label_pairs(masks[0], masks[1], pair.runs[0].k, pair.runs[1].k);
  if (image.item.truth.empty()) return counts;
  const LabelMap truth = pair.dataset->read_truth(image.item);
  for (std::size_t run = 0; run < runs; ++run) {
    try {
      counts.of_truth[run] = count_image(masks[run], truth, pair.runs[run].k, classes);
    } catch (const Error& error) {
      throw InputError("Cannot compare the masks of " + image.name + " with " + image.item.truth.string(), error.what(),
                       "");
    }
  }
  return counts;
}

std::vector<Counts> count_images(const RunPair& pair, int classes, int threads) {
  std::vector<Counts> counts(pair.images.size());
  const StopSignals signals;
  Progress progress("compare", std::ssize(pair.images), false);
  parallel_for(std::ssize(pair.images), threads, [&](std::int64_t i) {
    signals.check_grace(std::chrono::seconds(0), "The comparison");
    const auto place = static_cast<std::size_t>(i);
    counts[place] = count_pixels(pair, pair.images[place], classes);
    // Other positions would be other draws of the bootstrap: they are those of the first run's list.
    for (ImageCounts& of_run : counts[place].of_truth) of_run.image = pair.images[place].place[0];
    progress.add(1);
  });
  return counts;
}

/// The classes that a run's own scores gave its clusters; nothing, and why, where they cannot serve here.
std::optional<std::vector<int>> own_mapping(const ComparedRun& run, const RunComparison& comparison, std::string& why) {
  const auto file = run.directory.scores(run.k);
  if (!std::filesystem::exists(file)) {
    why = "it has no scores";
    return std::nullopt;
  }
  try {
    const Evaluation scores = read_scores(file);
    const auto named = std::ranges::find(scores.protocols, comparison.protocol, &ProtocolScores::protocol);
    if (named != scores.protocols.end()) {
      return read_mapping(file, comparison.protocol, run.k, comparison.classes, comparison.class_names);
    }
    why = "it has no scores by " + comparison.protocol;
  } catch (const InputError& error) {
    why = error.what();
  }
  return std::nullopt;
}

void score_runs(const RunPair& pair, const std::vector<Counts>& counts, Protocol protocol, int threads,
                Communicator& comm, RunComparison& comparison) {
  std::array<std::vector<const ImageCounts*>, runs> images;
  for (std::size_t run = 0; run < runs; ++run) {
    const ComparedRun& of_run = pair.runs[run];
    ConfusionMatrix matrix(of_run.k, comparison.classes);
    for (const Counts& of_image : counts) {
      matrix.add(of_image.of_truth[run]);
      images[run].push_back(&of_image.of_truth[run]);
    }
    std::string why;
    auto mapping = own_mapping(of_run, comparison, why);
    if (!mapping) {
      comparison.notes.push_back("The clusters of " + of_run.title + " are matched with the classes here (" + why +
                                 ").");
      mapping = classes_of_clusters(matrix, protocol);
    }
    comparison.mapping[run] = std::move(*mapping);
    comparison.scores[run] = score(matrix, protocol, comparison.mapping[run]);
    const Eigen::RowVectorX<std::int64_t> of_class = matrix.counts_and_unassigned().colwise().sum();
    comparison.class_pixels.assign(of_class.begin(), of_class.end());
  }
  comparison.intervals = bootstrap_difference(
      {.images = images[0], .mapping = comparison.mapping[0]}, {.images = images[1], .mapping = comparison.mapping[1]},
      protocol, comparison.classes, {.replicates = 1000, .seed = 0, .threads = threads}, comm);
}

ImageComparison compare_image(const RunPair& pair, const Counts& counts, Protocol protocol,
                              const RunComparison& comparison) {
  ImageComparison image;
  ConfusionMatrix pairs(pair.runs[0].k, pair.runs[1].k + 1);
  pairs.add(counts.pairs);
  image.agreement = agreement_of(pairs, comparison.partners);
  for (std::size_t run = 0; run < runs; ++run) {
    if (counts.of_truth[run].cells.empty()) continue;
    ConfusionMatrix matrix(pair.runs[run].k, comparison.classes);
    matrix.add(counts.of_truth[run]);
    const Scores scores = score(matrix, protocol, comparison.mapping[run]);
    image.accuracy[run] = scores.pixel_accuracy;
    image.miou[run] = scores.miou;
  }
  return image;
}

/// Of the data set, or as many as occur.
int count_classes(const RunPair& pair, const std::vector<Counts>& counts) {
  auto classes = static_cast<std::int32_t>(pair.dataset->classes().size());
  for (const Counts& image : counts) {
    for (const CellCount& cell : image.of_truth[0].cells) classes = std::max(classes, cell.label + 1);
  }
  return std::max(classes, 1);
}

}  // namespace

std::optional<double> ImageComparison::gain() const {
  if (!accuracy[0] || !accuracy[1]) return std::nullopt;
  return *accuracy[1] - *accuracy[0];
}

std::string RunComparison::class_name(std::size_t index) const {
  return index < class_names.size() ? class_names[index] : "class " + std::to_string(index);
}

RunComparison compare_masks(const RunPair& pair, EvaluateConfig::Protocol wanted, int threads, Communicator& comm) {
  const Protocol protocol = protocol_of(wanted);
  RunComparison comparison;
  comparison.protocol = protocol_name(wanted);
  const int known = pair.has_truth() ? static_cast<int>(pair.dataset->classes().size()) : 0;
  const std::vector<Counts> counts = count_images(pair, known, threads);
  comparison.scored =
      std::ranges::count_if(counts, [](const Counts& image) { return !image.of_truth[0].cells.empty(); });
  if (comparison.is_scored()) {
    comparison.classes = count_classes(pair, counts);
    comparison.class_names = pair.dataset->classes();
    comparison.class_colours = pair.dataset->class_colours();
    score_runs(pair, counts, protocol, threads, comm, comparison);
  }
  ConfusionMatrix pairs(pair.runs[0].k, pair.runs[1].k + 1);
  for (const Counts& image : counts) pairs.add(image.pairs);
  comparison.partners = partners_of(pairs);
  comparison.agreement = agreement_of(pairs, comparison.partners);
  comparison.images.resize(counts.size());
  parallel_for(std::ssize(counts), threads, [&](std::int64_t i) {
    const auto place = static_cast<std::size_t>(i);
    comparison.images[place] = compare_image(pair, counts[place], protocol, comparison);
  });
  return comparison;
}

std::vector<std::size_t> by_difference(const RunComparison& comparison) {
  std::vector<std::size_t> places(comparison.images.size());
  std::iota(places.begin(), places.end(), std::size_t{0});
  std::ranges::stable_sort(places, {}, [&](std::size_t place) {
    const ImageComparison& image = comparison.images[place];
    // Without ground truth between those that gained and those that lost.
    return comparison.is_scored() ? -image.gain().value_or(0) : image.agreement.matched.value_or(1);
  });
  return places;
}

}  // namespace datus
