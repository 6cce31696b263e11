#include "pipeline/calibration_images.hpp"

#include "datus/core/error.hpp"
#include "datus/core/parallel.hpp"
#include "datus/core/stopwatch.hpp"
#include "datus/model/masked_crop.hpp"
#include "datus/pipeline/run_cost.hpp"
#include "pipeline/calibration_meter.hpp"
#include "pipeline/inputs/load_images.hpp"
#include "pipeline/peak_memory.hpp"
#include "pipeline/stages/describe.hpp"
#include "pipeline/stages/extract.hpp"
#include "pipeline/stages/segment.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace datus {
namespace {

constexpr std::int64_t most_images_at_once = 64;
constexpr std::int64_t most_images = 256;

/// Times, and how many pieces of work one thread of several did in each.
class Tally {
 public:
  void add(double seconds, double rounds) {
    if (rounds > 0) times_.push_back({seconds, rounds});
  }
  /// The median: a moment in which the machine did something else does not count.
  [[nodiscard]] double per_round() const {
    if (times_.empty()) return 0;
    std::vector<double> each;
    for (const auto& [seconds, rounds] : times_) each.push_back(seconds / rounds);
    const auto middle = each.begin() + std::ssize(each) / 2;
    std::ranges::nth_element(each, middle);
    return *middle;
  }
  [[nodiscard]] double seconds() const {
    return std::accumulate(times_.begin(), times_.end(), 0.0,
                           [](double sum, const Time& t) { return sum + t.seconds; });
  }
  [[nodiscard]] double rounds() const {
    return std::accumulate(times_.begin(), times_.end(), 0.0, [](double sum, const Time& t) { return sum + t.rounds; });
  }

 private:
  struct Time {
    double seconds;
    double rounds;
  };
  std::vector<Time> times_;
};

/// Some images on their way through the stages.
struct Group {
  std::vector<std::int64_t> images;
  std::vector<InputImage> inputs;
  double megapixels = 0;
  KeysFile keys;
  SegmentsFile segments;
  DescriptorsFile descriptors;
  [[nodiscard]] std::int64_t size() const { return std::ssize(inputs); }
  [[nodiscard]] std::int64_t segment_count() const { return std::ssize(segments.size); }
};

/// The same segments, but one for each image at most.
SegmentsFile first_segments(const SegmentsFile& all) {
  SegmentsFile thin = all;
  thin.box.clear();
  thin.size.clear();
  thin.offset = {0};
  for (std::size_t i = 0; i + 1 < all.offset.size(); ++i) {
    if (all.offset[i] < all.offset[i + 1]) {
      thin.box.push_back(all.box[static_cast<std::size_t>(all.offset[i])]);
      thin.size.push_back(all.size[static_cast<std::size_t>(all.offset[i])]);
    }
    thin.offset.push_back(std::ssize(thin.size));
  }
  std::ranges::replace_if(
      thin.segment, [](std::int16_t segment) { return segment > 0; }, std::int16_t{-1});
  return thin;
}

class ImageStages {
 public:
  ImageStages(RunContext& run, const Models& models) : run_(run), models_(models) {}

  /// COLLECTIVE. Takes the images through all stages. Returns the seconds of the slowest rank.
  double take(std::vector<std::int64_t> images) {
    const Stopwatch watch;
    Group group;
    group.images = std::move(images);
    std::ranges::sort(group.images);
    decode(group);
    extract(group);
    segment(group);
    describe(group);
    keep(group);
    run_.require_no_stop("all was measured");
    return largest_of(run_.comm, watch.seconds());
  }

  /// Forgets the times so far: what comes first is slower.
  void start_over() {
    decode_ = forward_ = segment_ = describe_images_ = describe_segments_ = crop_ = thin_ = Tally();
    sample_.images_done = sample_.segments_done = 0;
    measures_memory_ = false;
  }

  void fill_in(CalibrationValues& values) const {
    values.segments_per_image = static_cast<double>(sample_.segments_done) / static_cast<double>(sample_.images_done);
    values.decode_thread_seconds_per_megapixel = decode_.per_round();
    values.forward_thread_seconds_per_image = forward_.per_round();
    values.segment_thread_seconds_per_image = segment_.per_round();
    switch (run_.config.descriptor.kind) {
      case DescriptorConfig::Kind::masked_crop:
        values.describe_thread_seconds_per_segment = describe_segments_.per_round();
        values.crop_thread_seconds_per_segment = std::min(crop_.per_round(), describe_segments_.per_round());
        break;
      case DescriptorConfig::Kind::masked_cls:
        fill_in_masked_cls(values);
        break;
      case DescriptorConfig::Kind::mean_key:
      case DescriptorConfig::Kind::mean_token:
        values.describe_thread_seconds_per_image = describe_images_.per_round();
        break;
    }
    values.forward_memory_bytes_per_thread = forward_memory_;
    values.describe_memory_bytes_per_thread = describe_memory_;
  }

  [[nodiscard]] MeasuredSample take_sample() { return std::move(sample_); }
  [[nodiscard]] const MeasuredSample& sample() const { return sample_; }

 private:
  [[nodiscard]] int threads() const { return run_.threads; }
  [[nodiscard]] double rounds(std::int64_t count, std::int64_t batch) const {
    return static_cast<double>(rounds_of(count, batch, threads()));
  }
  [[nodiscard]] std::int64_t batch() const { return run_.config.model.batch_size; }
  /// Threads that work on `count` pieces.
  [[nodiscard]] double workers(std::int64_t count) const {
    return static_cast<double>(std::clamp<std::int64_t>(count, 1, threads()));
  }

  void decode(Group& group) {
    const double seconds = seconds_of(run_.comm, [&] {
      std::vector<std::filesystem::path> paths;
      for (const std::int64_t image : group.images) paths.push_back(run_.image_path(image));
      auto loaded = load_images(paths, run_.orientation(), threads());
      std::vector<Image> originals;
      std::vector<std::int64_t> readable;
      for (std::size_t i = 0; i < loaded.size(); ++i) {
        if (!loaded[i].image) continue;
        group.megapixels += 1e-6 * loaded[i].image->width * loaded[i].image->height;
        readable.push_back(group.images[i]);
        originals.push_back(std::move(*loaded[i].image));
      }
      group.images = std::move(readable);
      group.inputs = models_.preparation->prepare(std::move(originals), threads());
    });
    if (group.size() == 0) return;
    const double share = group.megapixels / static_cast<double>(group.size());
    decode_.add(seconds, rounds(group.size(), group.size()) * share);
  }

  [[nodiscard]] KeysFile keys_of(const Group& group, const Backbone& backbone) const {
    std::vector<std::string> names;
    for (const std::int64_t image : group.images) {
      names.push_back(run_.list.images[static_cast<std::size_t>(image)].name);
    }
    auto keys = extract_keys(group.inputs, backbone, models_.preparation->grid(), key_type(run_.config.storage), names,
                             threads());
    keys.images.image = group.images;
    return keys;
  }

  void extract(Group& group) {
    const PeakMemory memory;
    const double seconds = seconds_of(run_.comm, [&] { group.keys = keys_of(group, *models_.backbone); });
    if (group.size() == 0) return;
    forward_.add(seconds, rounds(group.size(), batch()));
    if (!measures_memory_) return;
    // The arrays that grow with the shard are counted apart.
    const auto images = static_cast<double>(group.size());
    const double input = static_cast<double>(group.inputs.front().input.pixels.size());
    const double keys = 4.0 * static_cast<double>(group.keys.keys.size()) / images;
    const double arrays = images * (input + keys) + std::min(images, static_cast<double>(batch())) * (4 * input + keys);
    forward_memory_ = std::max(0.0, static_cast<double>(memory.growth()) - arrays) / workers(group.size());
  }

  void segment(Group& group) {
    const double seconds =
        seconds_of(run_.comm, [&] { group.segments = segment_keys(group.keys, run_.config, threads()); });
    segment_.add(seconds, rounds(group.size(), group.size()));
  }

  [[nodiscard]] DescriptorsFile descriptors_of(const Group& group, const SegmentsFile& segments) const {
    const Backbone& backbone = models_.descriptor ? *models_.descriptor : *models_.backbone;
    std::optional<KeysFile> other_keys;
    return describe_segments(group.inputs, segments, backbone, run_.config, threads(), [&]() -> const KeysFile& {
      if (!models_.descriptor) return group.keys;
      other_keys = keys_of(group, backbone);
      return *other_keys;
    });
  }

  void describe(Group& group) {
    const PeakMemory memory;
    const double seconds = seconds_of(run_.comm, [&] { group.descriptors = descriptors_of(group, group.segments); });
    if (measures_memory_) describe_memory_ = static_cast<double>(memory.growth()) / workers(group.size());
    describe_images_.add(seconds, rounds(group.size(), batch()));
    describe_segments_.add(seconds, rounds(group.segment_count(), batch()));
    if (run_.config.descriptor.kind == DescriptorConfig::Kind::masked_crop) crop(group);
    if (run_.config.descriptor.kind == DescriptorConfig::Kind::masked_cls) {
      const SegmentsFile thin = first_segments(group.segments);
      thin_.add(seconds_of(run_.comm, [&] { (void)descriptors_of(group, thin); }),
                static_cast<double>(std::ssize(thin.size)));
    }
  }

  void crop(const Group& group) {
    const auto patches = static_cast<std::size_t>(group.segments.grid.patches());
    const int patch = models_.preparation->patch();
    const double seconds = seconds_of(run_.comm, [&] {
      parallel_for(group.segment_count(), threads(), [&](std::int64_t row) {
        const auto after = std::ranges::upper_bound(group.segments.offset, row);
        const auto image = static_cast<std::size_t>(after - group.segments.offset.begin() - 1);
        (void)masked_crop(group.inputs[image].input,
                          std::span(group.segments.segment).subspan(image * patches, patches), group.segments.grid,
                          patch, static_cast<int>(row - group.segments.offset[image]),
                          group.segments.box[static_cast<std::size_t>(row)], run_.config.descriptor.crop_resize,
                          run_.config.descriptor.crop_size);
      });
    });
    crop_.add(seconds, rounds(group.segment_count(), group.segment_count()));
  }

  /// The time with all segments and with one of each image give the two parts.
  void fill_in_masked_cls(CalibrationValues& values) const {
    const auto more = static_cast<double>(sample_.segments_done) - thin_.rounds();
    const double gain = std::max(0.0, describe_images_.seconds() - thin_.seconds());
    // In rounds, as all else: a thread takes a whole image with its segments.
    const double shared =
        describe_images_.rounds() / static_cast<double>(std::max<std::int64_t>(1, sample_.images_done));
    const double per_segment = more > 0 ? gain / more / shared : 0;
    values.describe_thread_seconds_per_segment = per_segment;
    values.describe_thread_seconds_per_image =
        std::max(0.0, describe_images_.per_round() - per_segment * values.segments_per_image);
  }

  void keep(Group& group) {
    sample_.images_done += group.size();
    sample_.segments_done += group.segment_count();
    const auto patches = group.segments.grid.patches();
    for (std::size_t i = 0; i < group.images.size(); ++i) {
      MeasuredImage& image = sample_.images[group.images[i]];
      const auto first = static_cast<std::ptrdiff_t>(i) * patches;
      const auto [begin, end] = std::pair(group.segments.offset[i], group.segments.offset[i + 1]);
      const auto& segments = group.segments;
      image.segment.assign(segments.segment.begin() + first, segments.segment.begin() + first + patches);
      image.community.assign(segments.community.begin() + first, segments.community.begin() + first + patches);
      image.box.assign(segments.box.begin() + begin, segments.box.begin() + end);
      image.size.assign(segments.size.begin() + begin, segments.size.begin() + end);
    }
    if (group.size() > 0) {
      sample_.keys = std::move(group.keys);
      sample_.descriptors = std::move(group.descriptors);
    }
  }

  RunContext& run_;
  const Models& models_;
  Tally decode_;
  Tally forward_;
  Tally segment_;
  Tally describe_images_;
  Tally describe_segments_;
  Tally crop_;
  Tally thin_;                   ///< its rounds are segments
  bool measures_memory_ = true;  ///< with the first images, one for each thread: nothing of a shard's size is held
  double forward_memory_ = 0;
  double describe_memory_ = 0;
  MeasuredSample sample_;
};

std::vector<std::int64_t> listed_as_readable(const ImageList& list) {
  std::vector<std::int64_t> readable;
  for (std::int64_t i = 0; i < list.size(); ++i) {
    if (list.images[static_cast<std::size_t>(i)].width > 0) readable.push_back(i);
  }
  return readable;
}

/// COLLECTIVE.
void require_images(RunContext& run, std::int64_t images) {
  const double all = largest_of(run.comm, -static_cast<double>(images));
  if (all < 0) return;
  throw AgreedError(ExitCode::bad_input, "There is nothing to measure with",
                    "none of the images that a rank tried can be read", "Check dataset.images.");
}

}  // namespace

std::vector<std::int64_t> spread_order(std::int64_t total, std::int64_t first, std::int64_t count) {
  // Steps of about the golden section of the total, without a common divisor with it: each index comes once.
  std::int64_t step = std::max<std::int64_t>(1, std::llround(0.6180339887498949 * static_cast<double>(total)));
  while (std::gcd(step, total) != 1) ++step;
  std::vector<std::int64_t> order;
  for (std::int64_t i = 0; i < count; ++i) order.push_back((first + i) % total * step % total);
  return order;
}

MeasuredSample measure_images(RunContext& run, const Models& models, double seconds, CalibrationValues& values) {
  const Stopwatch watch;
  const auto readable = listed_as_readable(run.list);
  const auto total = std::ssize(readable);
  require_images(run, total);
  ImageStages stages(run, models);
  std::int64_t next = total * run.comm.rank() / run.comm.size();
  const auto take = [&](std::int64_t count) {
    std::vector<std::int64_t> images;
    for (const std::int64_t index : spread_order(total, next, std::min(count, total))) {
      images.push_back(readable[static_cast<std::size_t>(index)]);
    }
    next += count;
    return stages.take(std::move(images));
  };
  // The same number on all ranks, or they would not stop together.
  const auto threads = static_cast<std::int64_t>(largest_of(run.comm, run.threads));
  double of_round = take(threads);
  stages.start_over();
  double spent = 0;
  std::int64_t done = 0;
  do {
    // A part of what is left: later groups tell whether the first was typical.
    const double left = seconds - largest_of(run.comm, watch.seconds());
    const auto rounds = static_cast<std::int64_t>(std::clamp(left / 5 / std::max(of_round, 1e-6), 1.0, 64.0));
    const std::int64_t count =
        std::min({rounds * threads, std::max(most_images_at_once, threads), std::max(total, threads)});
    of_round = take(count) * static_cast<double>(threads) / static_cast<double>(count);
    done += count;
    spent = largest_of(run.comm, watch.seconds());
  } while (spent + of_round < seconds && done < std::max(most_images, threads));
  require_images(run, stages.sample().images_done);
  stages.fill_in(values);
  return stages.take_sample();
}

}  // namespace datus
