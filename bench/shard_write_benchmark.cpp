// SPDX-License-Identifier: Apache-2.0
// Writing a shard of keys as a run does (hashed, brought to disk, read back and checked, renamed), in turns with dd,
// which writes the bytes of the same file with bs=1M conv=fsync to the same folder. Or, with --writers, several shards
// at a time, as a rank with a GPU does, with the processor time that a shard takes in the HDF5 library and beside it.

#include "datus/core/error.hpp"
#include "datus/core/half.hpp"
#include "datus/core/write_behind.hpp"
#include "datus/io/hdf5.hpp"
#include "pipeline/files/keys_file.hpp"
#include "program.hpp"
#include "shard_write/lock_times.hpp"
#include "work_folder.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace datus::bench {
namespace {

namespace fs = std::filesystem;

struct Settings {
  fs::path folder = ".";
  std::int64_t images = 64;
  int dim = 384;
  double seconds = 10;
  std::vector<std::size_t> writers;
};

KeysFile make_keys(const Settings& settings) {
  KeysFile file;
  file.grid = {28, 28};
  file.patch = 8;
  file.dim = settings.dim;
  std::mt19937 generator(1);
  std::normal_distribution<float> normal;
  UnfilledVector<half> keys(static_cast<std::size_t>(settings.images * file.grid.patches() * settings.dim));
  for (half& value : keys) value = to_half(normal(generator));
  file.keys = KeyValues(std::move(keys));
  file.cls.assign(static_cast<std::size_t>(settings.images * settings.dim), 0.5F);
  for (std::int64_t i = 0; i < settings.images; ++i) file.images.image.push_back(i);
  return file;
}

template <class Work>
double seconds_of(const Work& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Seconds that dd reports, which are without the start of its process.
double copy_with_dd(const fs::path& from, const fs::path& to) {
  const std::string command = "LC_ALL=C dd if='" + from.string() + "' of='" + to.string() + "' bs=1M conv=fsync 2>&1";
  struct ClosePipe {
    void operator()(std::FILE* pipe) const noexcept { ::pclose(pipe); }
  };
  const std::unique_ptr<std::FILE, ClosePipe> pipe(::popen(command.c_str(), "r"));
  if (!pipe) throw SystemError("Cannot start dd", errno_text(errno), "");
  std::string report;
  std::array<char, 256> line{};
  while (std::fgets(line.data(), line.size(), pipe.get()) != nullptr) report += line.data();
  constexpr std::string_view mark = "copied, ";
  const auto place = report.find(mark);
  if (place == std::string::npos) throw SystemError("dd failed", report, "");
  return std::stod(report.substr(place + mark.size()));
}

void sync_file(const fs::path& path) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  const bool is_synced = file >= 0 && ::fsync(file) == 0;
  if (file >= 0) ::close(file);
  if (!is_synced) throw SystemError("Cannot sync " + path.string(), errno_text(errno), "");
}

/// The HDF5 part of `write_keys`.
void write_hdf5(const fs::path& path, const KeysFile& file) {
  Hdf5Writer writer(path);
  const std::int64_t count = file.size();
  writer.create<half>("keys", {count, file.grid.patches(), file.dim}, ChunkHint::per_row);
  write_key_rows(writer, 0, file);
  writer.write<float>("cls", file.cls, {count, file.dim}, ChunkHint::about_one_mib);
  writer.write<std::int64_t>("image", file.images.image, {count});
  writer.close();
}

/// Seconds of each kind of work, one value per round.
struct Times {
  std::vector<double> dd, shard, hdf5, sync, verify;
};

/// All kinds of work once, each to a new file. dd and the shard take turns in going first.
void time_round(const WorkFolder& files, const KeysFile& keys, bool dd_first, Times& times) {
  const fs::path source = files / "source.h5";
  const auto run_dd = [&] {
    times.dd.push_back(copy_with_dd(source, files / "dd.h5"));
    fs::remove(files / "dd.h5");
  };
  if (dd_first) run_dd();
  times.shard.push_back(seconds_of([&] { write_keys(files / "shard.h5", keys, {}); }));
  fs::remove(files / "shard.h5");
  if (!dd_first) run_dd();
  const fs::path parts = files / "parts.h5";
  times.hdf5.push_back(seconds_of([&] { write_hdf5(parts, keys); }));
  times.sync.push_back(seconds_of([&] { sync_file(parts); }));
  times.verify.push_back(seconds_of([&] { require_verified(parts); }));
  fs::remove(parts);
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

void print_row(const char* what, const std::vector<double>& seconds, std::uintmax_t bytes) {
  const double middle = median(seconds);
  std::printf("%-42s %9.2f ms %9.0f MB/s\n", what, middle * 1e3, static_cast<double>(bytes) / middle / 1e6);
}

void print_results(const Times& times, std::uintmax_t bytes) {
  std::printf("%zu rounds, %.1f MB each, medians\n", times.dd.size(), static_cast<double>(bytes) / 1e6);
  print_row("dd bs=1M conv=fsync", times.dd, bytes);
  print_row("shard, complete", times.shard, bytes);
  print_row("  parts alone: hashes and HDF5", times.hdf5, bytes);
  print_row("               fsync", times.sync, bytes);
  print_row("               verification", times.verify, bytes);
  std::vector<double> ratios;
  for (std::size_t i = 0; i < times.dd.size(); ++i) ratios.push_back(times.dd[i] / times.shard[i]);
  const auto [lowest, highest] = std::minmax_element(ratios.begin(), ratios.end());
  std::printf("speed of the complete shard over that of dd: median %.2f (%.2f to %.2f)\n", median(ratios), *lowest,
              *highest);
}

/// What a shard takes, in seconds.
struct WriterTimes {
  std::vector<double> clock, inside, outside;
};

double processor_seconds() {
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) != 0) throw SystemError("Cannot read the processor time", errno_text(errno), "");
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// Shards by so many writers, each to the place of one that is finished.
void time_writers(const WorkFolder& files, const KeysFile& keys, std::size_t writers, WriterTimes& times) {
  constexpr int shards = 24;
  const double processor = processor_seconds();
  const double lock = seconds_inside_the_lock();
  const double clock = seconds_of([&] {
    WriteBehind writes(writers, writers);
    for (std::size_t i = 0; i < shards; ++i) {
      writes.push([&, i] { write_keys(files / (std::to_string(i % writers) + ".h5"), keys, {}); });
    }
    writes.flush();
  });
  const double inside = seconds_inside_the_lock() - lock;
  times.clock.push_back(clock / shards);
  times.inside.push_back(inside / shards);
  times.outside.push_back((processor_seconds() - processor - inside) / shards);
}

void print_writers(std::size_t writers, const WriterTimes& times, std::uintmax_t bytes) {
  const double megabytes = static_cast<double>(bytes) / 1e6;
  const double inside = median(times.inside);
  const double outside = median(times.outside);
  std::printf("%7zu %8.0f MB/s %10.2f ms %9.2f ms %11.0f MB/s %18.0f MB/s\n", writers, megabytes / median(times.clock),
              inside * 1e3, outside * 1e3, megabytes / inside,
              std::min(static_cast<double>(writers) * megabytes / (inside + outside), megabytes / inside));
}

/// In turns, for as long as `settings` say.
void compare_writers(const Settings& settings, const WorkFolder& files, const KeysFile& keys, std::uintmax_t bytes) {
  std::vector<WriterTimes> times(settings.writers.size());
  double seconds = 0;
  while (times.front().clock.size() < 3 || seconds < settings.seconds) {
    seconds += seconds_of([&] {
      for (std::size_t i = 0; i < times.size(); ++i) time_writers(files, keys, settings.writers[i], times[i]);
    });
  }
  std::printf("%zu rounds of 24 shards of %.1f MB, medians; processor time of a shard\n", times.front().clock.size(),
              static_cast<double>(bytes) / 1e6);
  std::printf("writers          here   in the lock    beside it  the lock's limit   COMPUTED, a core each\n");
  for (std::size_t i = 0; i < times.size(); ++i) print_writers(settings.writers[i], times[i], bytes);
}

int run_program(int argc, char** argv) {
  Settings settings;
  CLI::App program("Times the writing of a shard of keys, in turns with dd on the same file system.");
  program.add_option("--folder", settings.folder, "where to write; for dd not in memory (tmpfs)")
      ->check(CLI::ExistingDirectory);
  program.add_option("--images", settings.images, "images of the shard, 784 patches each")->check(CLI::PositiveNumber);
  program.add_option("--dim", settings.dim, "width of the keys")->check(CLI::PositiveNumber);
  program
      .add_option("--writers", settings.writers,
                  "numbers of shards that are written at a time, in place of dd; best in memory")
      ->check(CLI::PositiveNumber);
  program.add_option("--benchmark_min_time", settings.seconds, "seconds to repeat for; three rounds at least");
  program.allow_extras();
  try {
    program.parse(argc, argv);
    for (const std::string& extra : program.remaining()) {
      if (!extra.starts_with("--benchmark_")) throw CLI::ExtrasError({extra});
    }
  } catch (const CLI::ParseError& error) {
    return program.exit(error) == 0 ? 0 : static_cast<int>(ExitCode::usage);
  }
  const WorkFolder files(settings.folder, "shard_write");
  const KeysFile keys = make_keys(settings);
  write_keys(files / "source.h5", keys, {});
  const auto bytes = fs::file_size(files / "source.h5");
  if (!settings.writers.empty()) {
    compare_writers(settings, files, keys, bytes);
    return 0;
  }
  Times times;
  const auto start = std::chrono::steady_clock::now();
  while (times.dd.size() < 3 ||
         std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() < settings.seconds) {
    time_round(files, keys, times.dd.size() % 2 == 0, times);
  }
  print_results(times, bytes);
  return 0;
}

}  // namespace
}  // namespace datus::bench

int main(int argc, char** argv) {
  return datus::bench::exit_code_of("bench_shard_write", &datus::bench::run_program, argc, argv);
}
