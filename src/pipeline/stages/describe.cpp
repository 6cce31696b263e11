// SPDX-License-Identifier: Apache-2.0
#include "datus/pipeline/describe.hpp"

#include "datus/comm/self_communicator.hpp"
#include "datus/core/error.hpp"
#include "datus/core/parallel.hpp"
#include "datus/core/ready_future.hpp"
#include "pipeline/inputs/load_images.hpp"
#include "pipeline/inputs/options_of_config.hpp"
#include "pipeline/inputs/plain_images.hpp"
#include "pipeline/session/progress.hpp"
#include "pipeline/stages/describe.hpp"
#include "pipeline/stages/extract.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace datus {
namespace {

using Vectors = std::vector<float>;

/// What the kinds of descriptors need to know of one call.
struct Work {
  const std::vector<InputImage>& inputs;
  const SegmentsFile& segments;
  const Backbone* backbone;  ///< null where the kind needs none
  const Config& config;
  int patch;
  SmoothingPlace smoothing;
  std::size_t first_crop;

  [[nodiscard]] std::span<const std::int16_t> segment_map(std::size_t image) const {
    const auto patches = static_cast<std::size_t>(segments.grid.patches());
    return std::span(segments.segment).subspan(image * patches, patches);
  }
};

/// The inputs as the model takes them.
std::vector<const Image*> images_of(const Work& work) {
  std::vector<const Image*> images;
  for (const auto& input : work.inputs) images.push_back(&input.input);
  return images;
}

/// The paper's descriptor: CLS of the segment's own crop, black around it.
std::future<Vectors> masked_crops(const Work& work) {
  std::vector<CropPlace> places;
  for (std::size_t i = 0; i < work.inputs.size(); ++i) {
    for (std::int64_t row = work.segments.offset[i]; row < work.segments.offset[i + 1]; ++row) {
      places.push_back({static_cast<int>(i), static_cast<int>(row - work.segments.offset[i]),
                        work.segments.box[static_cast<std::size_t>(row)]});
    }
  }
  const auto images = images_of(work);
  return work.backbone->begin_crop_vectors({.images = images,
                                            .segment_maps = work.segments.segment,
                                            .grid = work.segments.grid,
                                            .patch = work.patch,
                                            .places = places,
                                            .crop_resize = work.config.descriptor.crop_resize,
                                            .crop_size = work.config.descriptor.crop_size,
                                            .first_place = work.first_crop});
}

std::future<Vectors> masked_cls(const Work& work) {
  std::vector<int> counts;
  for (std::size_t i = 0; i < work.inputs.size(); ++i) {
    counts.push_back(static_cast<int>(work.segments.offset[i + 1] - work.segments.offset[i]));
  }
  return work.backbone->begin_segment_cls(images_of(work), work.segments.segment, counts);
}

/// Means of an image's per-patch vectors [P, dim], summed in f64 in patch order, into `means` of all segments.
void add_segment_means(const Work& work, std::size_t image, std::span<const float> patch_vectors, int dim,
                       Vectors& means) {
  const auto width = static_cast<std::size_t>(dim);
  const auto map = work.segment_map(image);
  const auto first = static_cast<std::size_t>(work.segments.offset[image]);
  const auto count = static_cast<std::size_t>(work.segments.offset[image + 1]) - first;
  std::vector<double> sums(count * width);
  for (std::size_t patch = 0; patch < map.size(); ++patch) {
    if (map[patch] < 0) continue;
    const auto values = patch_vectors.subspan(patch * width, width);
    double* sum = sums.data() + static_cast<std::size_t>(map[patch]) * width;
    for (std::size_t d = 0; d < width; ++d) sum[d] += static_cast<double>(values[d]);
  }
  for (std::size_t s = 0; s < count; ++s) {
    const auto size = static_cast<double>(work.segments.size[first + s]);
    for (std::size_t d = 0; d < width; ++d) {
      means[(first + s) * width + d] = static_cast<float>(sums[s * width + d] / size);
    }
  }
}

/// Of all images; `vectors_of(image, room)` gives those of one, `room` keeps them, should nobody else.
template <class VectorsOf>
Vectors segment_means(const Work& work, int dim, const VectorsOf& vectors_of) {
  Vectors means(work.segments.size.size() * static_cast<std::size_t>(dim));
  parallel_for(work.segments.image_count(), work.smoothing.threads, [&](std::int64_t i) {
    const auto image = static_cast<std::size_t>(i);
    Vectors room;
    add_segment_means(work, image, vectors_of(image, room), dim, means);
  });
  return means;
}

/// The stored embeddings of all images, smoothed where the configuration says so.
Vectors mean_keys(const Work& work, const KeysFile& keys) {
  if (!work.config.descriptor.smoothing) {
    return segment_means(work, keys.dim, [&](std::size_t image, Vectors& room) { return keys.keys_of(image, room); });
  }
  Vectors means(work.segments.size.size() * static_cast<std::size_t>(keys.dim));
  for_each_compared(keys, work.config.descriptor.smoothing, work.smoothing,
                    [&](std::size_t image, std::span<const float> smoothed) {
                      add_segment_means(work, image, smoothed, keys.dim, means);
                    });
  return means;
}

std::future<Vectors> mean_tokens(const Work& work) {
  auto tokens = work.backbone->begin_describing_forward(
      images_of(work), {.feature = PatchFeature::token, .layer = work.config.model.layer, .cls = false});
  const auto average = [work](std::future<VisionTransformer::Features> from) {
    const auto features = from.get();
    const int dim = work.backbone->architecture().dim;
    const std::size_t values = static_cast<std::size_t>(features.grid.patches()) * static_cast<std::size_t>(dim);
    return segment_means(work, dim, [&](std::size_t image, Vectors& /*room*/) {
      return std::span(features.embeddings).subspan(image * values, values);
    });
  };
  return std::async(std::launch::deferred, average, std::move(tokens));
}

/// To unit length, with the norm in f64 in index order.
void normalise_rows(Vectors& vectors, int dim, const SegmentsFile& segments) {
  const auto width = static_cast<std::size_t>(dim);
  for (std::size_t row = 0; row * width < vectors.size(); ++row) {
    double square = 0;
    for (std::size_t d = 0; d < width; ++d) {
      const auto value = static_cast<double>(vectors[row * width + d]);
      square += value * value;
    }
    if (!(square > 0) || !std::isfinite(square)) {
      const auto image =
          std::upper_bound(segments.offset.begin(), segments.offset.end(), static_cast<std::int64_t>(row)) -
          segments.offset.begin() - 1;
      const auto index = static_cast<std::size_t>(image);
      const std::string name = !segments.images.name.empty() ? segments.images.name[index]
                               : !segments.images.image.empty()
                                   ? "number " + std::to_string(segments.images.image[index])
                                   : "row " + std::to_string(index);
      throw InputError("The descriptor of segment " +
                           std::to_string(static_cast<std::int64_t>(row) - segments.offset[index]) + " of image " +
                           name + " has no direction",
                       square > 0 ? "a value is not finite" : "it is all zeros", "Check the weights.");
    }
    const double scale = 1.0 / std::sqrt(square);
    for (std::size_t d = 0; d < width; ++d) {
      vectors[row * width + d] = static_cast<float>(static_cast<double>(vectors[row * width + d]) * scale);
    }
  }
}

/// The patch size that gives this grid from the model's input. Throws `InputError` when there is none.
int patch_of(GridSize grid, PixelSize input) {
  const int patch = input.rows / grid.rows;
  if (patch * grid.rows != input.rows || patch * grid.cols != input.cols) {
    throw InputError("The segments have a patch grid of " + std::to_string(grid.rows) + "x" +
                         std::to_string(grid.cols) + ", which no patch size gives for model.input_size " +
                         std::to_string(input.rows) + "x" + std::to_string(input.cols),
                     "they were made with another input size", "Set model.input_size to that of the segments.");
  }
  return patch;
}

/// Of the model's making: [segments, width].
std::future<Vectors> begin_vectors(const Work& work) {
  switch (work.config.descriptor.kind) {
    case DescriptorConfig::Kind::masked_crop:
      return masked_crops(work);
    case DescriptorConfig::Kind::masked_cls:
      return masked_cls(work);
    case DescriptorConfig::Kind::mean_token:
      return mean_tokens(work);
    case DescriptorConfig::Kind::mean_key:
      break;  // of the embeddings
  }
  return ready_future(Vectors());
}

/// Descriptors with the images and segments that they are of.
DescriptorsFile with_segments(Vectors vectors, int dim, const SegmentsFile& segments) {
  DescriptorsFile file;
  file.images = segments.images;
  file.dim = dim;
  file.descriptor = std::move(vectors);
  normalise_rows(file.descriptor, file.dim, segments);
  for (std::size_t image = 0; image + 1 < segments.offset.size(); ++image) {
    const std::int64_t index =
        segments.images.image.empty() ? static_cast<std::int64_t>(image) : segments.images.image[image];
    for (std::int64_t row = segments.offset[image]; row < segments.offset[image + 1]; ++row) {
      file.image.push_back(index);
      file.segment.push_back(static_cast<std::int32_t>(row - segments.offset[image]));
    }
  }
  return file;
}

}  // namespace

std::future<DescriptorsFile> begin_descriptors(const std::vector<InputImage>& inputs, const SegmentsFile& segments,
                                               const Backbone* backbone, const Config& config,
                                               const SmoothingPlace& smoothing, std::size_t first_crop,
                                               const std::function<const KeysFile&()>& keys) {
  const DescriptorTraits& traits = traits_of(config.descriptor.kind);
  const int patch = patch_of(segments.grid, config.model.input_size);
  const Work work{inputs, segments, backbone, config, patch, smoothing, first_crop};
  if (traits.reads_keys) {
    const KeysFile& stored = keys();
    if (stored.grid != segments.grid) {
      throw InputError("The segments and the embeddings have other patch grids", "they were not made from each other",
                       "Make the segments again.");
    }
    return std::async(std::launch::deferred,
                      [&segments, dim = stored.dim, vectors = mean_keys(work, stored)]() mutable {
                        return with_segments(std::move(vectors), dim, segments);
                      });
  }
  if (!traits.has_crops && backbone->architecture().patch != patch) {
    throw UsageError("descriptor.weights has patches of " + std::to_string(backbone->architecture().patch) +
                         " pixels, the segments of " + std::to_string(patch),
                     "this kind of descriptor reads the model's own patches",
                     "Use descriptor.kind: masked_crop, or weights with the same patch size.");
  }
  const auto finish = [&segments, dim = backbone->descriptor_dim(traits.kind)](std::future<Vectors> vectors) {
    return with_segments(vectors.get(), dim, segments);
  };
  return std::async(std::launch::deferred, finish, begin_vectors(work));
}

namespace {

/// The part of a segments file that belongs to images [begin, end).
SegmentsFile slice(const SegmentsFile& all, std::size_t begin, std::size_t end) {
  SegmentsFile part;
  part.grid = all.grid;
  part.patch = all.patch;
  const auto patches = static_cast<std::ptrdiff_t>(all.grid.patches());
  const auto first_patch = static_cast<std::ptrdiff_t>(begin) * patches;
  const auto last_patch = static_cast<std::ptrdiff_t>(end) * patches;
  part.segment.assign(all.segment.begin() + first_patch, all.segment.begin() + last_patch);
  part.offset.clear();
  for (std::size_t i = begin; i <= end; ++i) part.offset.push_back(all.offset[i] - all.offset[begin]);
  part.box.assign(all.box.begin() + all.offset[begin], all.box.begin() + all.offset[end]);
  part.size.assign(all.size.begin() + all.offset[begin], all.size.begin() + all.offset[end]);
  return part;
}

}  // namespace

void describe_to_file(const Config& config, const std::filesystem::path& images,
                      const std::filesystem::path& segments_path, const std::filesystem::path& out, int threads) {
  const SegmentsFile segments = read_segments(segments_path, std::nullopt);
  const auto dataset = open_plain_images(images);
  const auto weights = config.descriptor.weights.value_or(*config.model.weights);
  guard_of_images(images, *dataset, {segments_path, weights}).check(out);
  const auto items = join_by_name(*dataset, segments.images.name, segments.image_count(), segments_path.string());
  const SelfCommunicator alone;
  const ModelPlacement placement = place_model(config.model, alone);
  Backbone backbone(config.model, weights, placement, threads);
  backbone.require_descriptor(config.descriptor);
  const InputPreparation preparation(config.model, patch_of(segments.grid, config.model.input_size),
                                     backbone.resample());
  const Orientation orientation = orientation_of(config.dataset);

  const auto smoothing = smoothing_on_gpu(placement.gpu, SmoothingGpu::describes(config));
  DescriptorsFile all;
  all.dim = backbone.descriptor_dim(config.descriptor.kind);
  for (const auto& item : items) all.images.name.push_back(item.name);
  Progress progress("describe", std::ssize(items), false);
  backbone.before_each_batch([&](std::size_t done) { progress.pieces_done(done); });
  const bool has_crops = traits_of(config.descriptor.kind).has_crops;
  const auto step = static_cast<std::size_t>(std::max(config.model.batch_size, threads));
  for (std::size_t begin = 0; begin < items.size(); begin += step) {
    const std::size_t end = std::min(begin + step, items.size());
    std::vector<std::filesystem::path> paths;
    for (std::size_t i = begin; i < end; ++i) paths.push_back(items[i].image);
    const auto inputs =
        load_required_images(paths, orientation, preparation, threads, "it has segments in " + segments_path.string(),
                             [&] { progress.add(0.5); });
    auto part_segments = slice(segments, begin, end);
    part_segments.images.name.assign(all.images.name.begin() + static_cast<std::ptrdiff_t>(begin),
                                     all.images.name.begin() + static_cast<std::ptrdiff_t>(end));
    progress.begin_pieces(0.5 * static_cast<double>(end - begin),
                          has_crops ? std::ssize(part_segments.size) : part_segments.image_count());
    KeysFile keys;
    const auto make_keys = [&]() -> const KeysFile& {
      keys =
          begin_keys(inputs, backbone, preparation.grid(), key_type(config.storage), part_segments.images.name, threads)
              .get();
      return keys;
    };
    const auto part =
        begin_descriptors(inputs, part_segments, &backbone, config, {threads, smoothing.get()}, 0, make_keys).get();
    all.descriptor.insert(all.descriptor.end(), part.descriptor.begin(), part.descriptor.end());
    for (const auto image : part.image) all.image.push_back(image + static_cast<std::int64_t>(begin));
    all.segment.insert(all.segment.end(), part.segment.begin(), part.segment.end());
    progress.end_pieces();
  }
  write_descriptors(out, all, std::nullopt);
}

}  // namespace datus
