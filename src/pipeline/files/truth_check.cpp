// SPDX-License-Identifier: Apache-2.0
#include "pipeline/files/truth_check.hpp"

#include "datus/core/error.hpp"
#include "datus/core/log.hpp"
#include "datus/core/parallel.hpp"
#include "datus/core/text.hpp"
#include "datus/pipeline/truth_pixels.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <span>
#include <string>
#include <vector>

namespace datus {
namespace {

using Indices = std::vector<std::size_t>;

Indices with_truth(const Dataset& dataset) {
  Indices indices;
  for (std::size_t i = 0; i < dataset.items().size(); ++i) {
    if (!dataset.items()[i].truth.empty()) indices.push_back(i);
  }
  return indices;
}

/// This rank's share.
std::span<const std::size_t> mine_of(const Indices& indices, const Communicator& comm) {
  const Share mine = share_of(std::ssize(indices), comm);
  return std::span(indices).subspan(static_cast<std::size_t>(mine.begin), static_cast<std::size_t>(mine.size()));
}

Indices sample_of(const Indices& indices) {
  const std::size_t count = std::min(indices.size(), static_cast<std::size_t>(truth_sample));
  Indices sample;
  for (std::size_t i = 0; i < count; ++i) sample.push_back(indices[i * indices.size() / count]);
  return sample;
}

void require_size_of_image(const Dataset& dataset, const DatasetItem& item, const ListedImage& image) {
  const ImageHeader truth = dataset.read_truth_header(item);
  if (!image.is_readable() || (truth.width == image.width && truth.height == image.height)) return;
  throw InputError(
      "Ground truth " + item.truth.string() + " has " + dimensions_text(truth.height, truth.width) + " pixels",
      "its image " + item.name + " has " + dimensions_text(image.height, image.width),
      "Make both the same size, or leave out dataset.truth.");
}

/// COLLECTIVE.
void require_headers(const Dataset& dataset, const ImageList& list, const Indices& indices, int threads,
                     Communicator& comm) {
  const auto mine = mine_of(indices, comm);
  std::vector<std::string> problems(mine.size());
  collectively(comm, [&] {
    parallel_for(std::ssize(mine), threads, [&](std::int64_t i) {
      const std::size_t index = mine[static_cast<std::size_t>(i)];
      try {
        require_size_of_image(dataset, dataset.items()[index], list.images[index]);
      } catch (const InputError& error) {
        problems[static_cast<std::size_t>(i)] = error.what();
      }
    });
  });
  std::erase(problems, std::string());
  std::int64_t count = std::ssize(problems);
  comm.allreduce(std::span(&count, 1), ReduceOp::sum);
  collectively(comm, [&] {
    if (problems.empty()) return;
    throw Error(ExitCode::bad_input, problems.front() + " So it is with " + std::to_string(count) + " of " +
                                         counted(std::ssize(indices), "file") + " of ground truth.");
  });
}

/// COLLECTIVE. The pixels of these files, over all ranks.
TruthPixels count_pixels(const Dataset& dataset, const Indices& indices, int threads, Communicator& comm) {
  const auto mine = mine_of(indices, comm);
  std::vector<TruthPixels> pixels(mine.size());
  collectively(comm, [&] {
    parallel_for(std::ssize(mine), threads, [&](std::int64_t i) {
      const auto slot = static_cast<std::size_t>(i);
      pixels[slot].add(dataset.read_truth(dataset.items()[mine[slot]]));
    });
  });
  std::int64_t classes = std::ssize(dataset.classes());
  for (const auto& one : pixels) classes = std::max<std::int64_t>(classes, std::ssize(one.of_class));
  classes = largest_of_ranks(comm, classes);
  std::vector<std::int64_t> sums(static_cast<std::size_t>(classes) + 1);  // the last is void
  for (const auto& one : pixels) {
    std::ranges::transform(one.of_class, sums, sums.begin(), std::plus<>());
    sums.back() += one.void_pixels;
  }
  comm.allreduce(std::span(sums), ReduceOp::sum);
  TruthPixels all;
  all.void_pixels = sums.back();
  sums.pop_back();
  all.of_class = std::move(sums);
  return all;
}

}  // namespace

int check_truth(const Dataset& dataset, const ImageList& list, int void_value, int threads, Communicator& comm) {
  if (!dataset.has_truth()) return 0;
  const Indices indices = with_truth(dataset);
  require_headers(dataset, list, indices, threads, comm);
  const Indices sample = sample_of(indices);
  const TruthPixels pixels = count_pixels(dataset, sample, threads, comm);
  const auto classes = static_cast<int>(std::ssize(pixels.of_class));
  if (comm.rank() != 0) return classes;
  for (const std::string& note : dataset.truth_notes()) log::info(note);
  log::info("ground truth: " + truth_text(pixels, dataset.classes()) + ", in " + std::to_string(sample.size()) +
            " of " + counted(std::ssize(indices), "file"));
  const std::string warning = truth_warning(pixels, dataset.classes(), void_value);
  if (!warning.empty()) log::warning(warning);
  return classes;
}

}  // namespace datus
