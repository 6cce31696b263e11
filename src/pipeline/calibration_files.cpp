#include "pipeline/calibration_files.hpp"

#include "datus/core/stopwatch.hpp"
#include "pipeline/calibration_meter.hpp"
#include "pipeline/stages/extract.hpp"

#include <algorithm>
#include <cstddef>

namespace datus {
namespace {

namespace fs = std::filesystem;

constexpr int repeats_of_large = 3;
constexpr int repeats_of_small = 6;

/// The images of `few` again and again.
KeysFile repeated(const KeysFile& few, std::int64_t images) {
  KeysFile file;
  file.grid = few.grid;
  file.patch = few.patch;
  file.dim = few.dim;
  file.cls_dim = few.cls_dim;
  const auto keys = static_cast<std::ptrdiff_t>(file.grid.patches()) * file.dim;
  for (std::int64_t i = 0; i < images; ++i) {
    const std::ptrdiff_t from = i % few.size();
    file.keys.insert(file.keys.end(), few.keys.begin() + from * keys, few.keys.begin() + (from + 1) * keys);
    file.cls.insert(file.cls.end(), few.cls.begin() + from * file.cls_dim, few.cls.begin() + (from + 1) * file.cls_dim);
    file.images.image.push_back(i);
  }
  return file;
}

/// COLLECTIVE. Mean seconds of one.
double mean_seconds(Communicator& comm, int repeats, const std::function<void()>& body) {
  const double all = seconds_of(comm, [&] {
    for (int i = 0; i < repeats; ++i) body();
  });
  return all / repeats;
}

/// What `bytes` take per second, when a file of next to none takes `fixed` seconds.
double bytes_per_second(double bytes, double seconds, double fixed) {
  return bytes / std::max({seconds - fixed, seconds / 4, 1e-9});
}

}  // namespace

void measure_files(RunContext& run, const MeasuredSample& sample, const fs::path& folder, std::int64_t most_bytes,
                   CalibrationValues& values) {
  const KeyType type = key_type(run.config.storage);
  const std::int64_t image_bytes = std::int64_t{4} * sample.keys.grid.patches() * sample.keys.dim;
  const std::int64_t images = std::clamp<std::int64_t>(most_bytes / image_bytes, 1, run.list.shard_size);
  const WriteOptions options = run.writing();
  const fs::path large = folder / "keys.h5";
  const fs::path small = folder / "descriptors.h5";
  KeysFile keys;
  collectively(run.comm, [&] { keys = repeated(sample.keys, images); });
  values.file_write_seconds = mean_seconds(
      run.comm, repeats_of_small, [&] { write_descriptors(small, sample.descriptors, std::nullopt, options); });
  const double written =
      mean_seconds(run.comm, repeats_of_large, [&] { write_keys(large, keys, type, std::nullopt, options); });
  values.file_open_seconds =
      mean_seconds(run.comm, repeats_of_small, [&] { (void)open_verified(small, std::nullopt); });
  const double read = mean_seconds(run.comm, repeats_of_large, [&] { (void)read_keys(large, std::nullopt); });
  double bytes = 0;
  collectively(run.comm, [&] {
    bytes = static_cast<double>(fs::file_size(large));
    fs::remove(large);
    fs::remove(small);
  });
  values.write_bytes_per_second = bytes_per_second(bytes, written, values.file_write_seconds);
  values.read_bytes_per_second = bytes_per_second(bytes, read, values.file_open_seconds);
  run.require_no_stop("all was measured");
}

}  // namespace datus
