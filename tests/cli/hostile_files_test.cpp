// SPDX-License-Identifier: Apache-2.0
#include "cli/plain_files.hpp"
#include "datus/io/mask_file.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

// Small files that would take much: each is refused or read in memory and time in proportion to its size. The table
// that docs/reliability.md shows is what `cli_tests --gtest_filter=HostileFiles.*` prints.
namespace datus::test {
namespace hostile_files_test {

namespace fs = std::filesystem;

constexpr std::int64_t mebibyte = std::int64_t{1} << 20;

std::string big_endian(std::uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(value >> shift & 255U));
  return bytes;
}

std::uint32_t crc_of(std::string_view bytes) {
  std::uint32_t sum = 0xFFFFFFFFU;
  for (const char byte : bytes) {
    sum ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) sum = (sum & 1U) != 0 ? sum >> 1U ^ 0xEDB88320U : sum >> 1U;
  }
  return ~sum;
}

std::string png_chunk(const std::string& type, const std::string& content) {
  return big_endian(static_cast<std::uint32_t>(content.size())) + type + content + big_endian(crc_of(type + content));
}

/// Bits in deflate's order.
class Bits {
 public:
  /// The lowest bit of a number first, as deflate has its headers.
  void number(unsigned value, int count) {
    for (int i = 0; i < count; ++i) bit(value >> i & 1U);
  }
  /// The highest bit first, as deflate has its codes.
  void code(unsigned value, int count) {
    for (int i = count - 1; i >= 0; --i) bit(value >> i & 1U);
  }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  void bit(unsigned value) {
    if (used_ == 0) bytes_.push_back('\0');
    bytes_.back() = static_cast<char>(static_cast<unsigned char>(bytes_.back()) | value << used_);
    used_ = (used_ + 1) % 8;
  }
  std::string bytes_;
  int used_ = 0;
};

/// A zlib stream of about so many zeros, 160 times as small: a literal zero, and copies of 258 bytes from the one
/// before.
std::string packed_zeros(std::int64_t count) {
  Bits bits;
  bits.number(0x78, 8);
  bits.number(0x01, 8);
  bits.number(1, 1);  // the last block
  bits.number(1, 2);  // with the fixed codes
  bits.code(0x30, 8);
  for (std::int64_t done = 1; done < count; done += 258) {
    bits.code(0xC5, 8);
    bits.code(0, 5);
  }
  bits.code(0, 7);  // its end; the sum of the bytes, which nobody checks, is not there
  return bits.bytes() + std::string(4, '\0');
}

/// An index PNG of one pixel, with gigabytes of zeros behind it.
std::string png_with_surplus() {
  const std::string size = big_endian(1) + big_endian(1) + std::string("\x08\x00\x00\x00\x00", 5);
  return "\x89PNG\r\n\x1a\n" + png_chunk("IHDR", size) + png_chunk("IDAT", packed_zeros(4096 * mebibyte)) +
         png_chunk("IEND", "");
}

/// `before`, a text again and again, `after`. Never as a whole in this process, whose own size the peak of a child's
/// memory is at least.
struct Repeated {
  std::string before;
  std::string text;
  std::int64_t times;
  std::string after;
};

void write_repeated(const fs::path& path, const Repeated& content) {
  std::string piece;
  const std::int64_t in_piece = std::max<std::int64_t>(1, (mebibyte / 4) / std::ssize(content.text));
  for (std::int64_t i = 0; i < in_piece; ++i) piece += content.text;
  std::ofstream file(path, std::ios::binary);
  file << content.before;
  for (std::int64_t left = content.times; left > 0; left -= in_piece) {
    file << piece.substr(0, static_cast<std::size_t>(std::min(left, in_piece)) * content.text.size());
  }
  file << content.after;
  ASSERT_TRUE(file.flush());
}

/// The beginning of a safetensors file whose header has so many bytes.
std::string header_of(std::int64_t bytes) {
  const auto size = static_cast<std::uint64_t>(bytes);
  return {reinterpret_cast<const char*>(&size), sizeof size};
}

/// `levels` maps or lists in each other, each with the one before twice.
std::string nested_merges() {
  std::string map = "&m0 {k: 5}";
  for (int i = 1; i < 30; ++i) {
    map = "&m" + std::to_string(i) + " {<<: [" + map + ", *m" + std::to_string(i - 1) + "]}";
  }
  return "cluster: " + map + "\n";
}

class HostileFiles : public testing::Test {
 protected:
  void SetUp() override {
    write_test_images(path("images"), 3);
    write_bytes(path("config.yaml"), "dataset: {images: images, kind: index_png, truth: truth}\nmodel: {weights: " +
                                         tiny_weights() + ", heads: 2, input_size: 32}\ncluster: {k: 2}\n");
  }
  [[nodiscard]] fs::path path(const std::string& name) const { return folder_ / name; }
  [[nodiscard]] Outcome datus(const Arguments& arguments) const {
    return run_program(arguments, {.folder = folder_.path(), .limit = std::chrono::seconds(100)});
  }

  /// Runs the command, which must end with this exit code in bounded memory and time, and prints what it took.
  void measure(const std::string& kind, const std::string& file, const Arguments& command, int code,
               const std::string& word) const {
    const Outcome outcome = datus(command);
    SCOPED_TRACE(kind);
    EXPECT_FALSE(outcome.timed_out);
    EXPECT_EQ(outcome.code, code) << outcome.err.substr(0, 2000);
    EXPECT_NE((outcome.out + outcome.err).find(word), std::string::npos) << outcome.err.substr(0, 2000);
    EXPECT_LT(outcome.err.size(), 100'000U) << "messages stay readable";
    const auto bytes = static_cast<std::int64_t>(fs::file_size(path(file)));
    EXPECT_LE(outcome.peak_bytes, 3 * bytes + 200 * mebibyte) << bytes;
    const double size = static_cast<double>(bytes) / static_cast<double>(mebibyte);
    EXPECT_LE(outcome.cpu_seconds, 4 + 0.5 * size);
    std::cout << "| " << kind << " | " << std::fixed << std::setprecision(size < 1 ? 3 : 0) << size << " MiB | "
              << outcome.peak_bytes / mebibyte << " MiB | " << std::setprecision(2) << outcome.cpu_seconds << " s |\n";
  }

  /// Starts a run, asks it to stop after some time, and expects it to do so, and to say this.
  void stop(const Arguments& settings, const std::string& words) const {
    Arguments arguments = {"run", "config.yaml", "--run", "run"};
    for (const std::string& setting : settings) arguments.insert(arguments.end(), {"--set", setting});
    Process process(command_line(arguments), folder_.path());
    std::this_thread::sleep_for(std::chrono::seconds(2));
    ASSERT_TRUE(process.running()) << process.wait(std::chrono::seconds(0));
    process.send(SIGTERM);
    const Outcome outcome = process.wait(std::chrono::seconds(20));
    EXPECT_EQ(outcome.code, 75) << outcome;
    EXPECT_NE(outcome.err.find(words), std::string::npos) << outcome;
  }

  TempFolder folder_;
};

TEST_F(HostileFiles, ConfigurationsAndDescriptions) {
  const auto config = [&](const std::string& kind, const Repeated& text, const std::string& word) {
    write_repeated(path("c.yaml"), text);
    measure("YAML: " + kind, "c.yaml", {"config", "c.yaml"}, 2, word);
  };
  config("brackets in each other", {"", "[", mebibyte / 2, ""}, "not YAML");
  config("a map that merges itself", {"cluster: &c {k: 2, <<: *c}\n", " ", 0, ""}, "Too many maps");
  config("maps that merge others twice", {nested_merges(), " ", 0, ""}, "Too many maps");
  config("a list that holds itself", {"cluster: {k: &k [*k]}\n", " ", 0, ""}, "a list of lists");
  config("a list of 250,000 values", {"cluster: {k: [", "2,", 250'000, "3]}\n"}, "more)");
  config("keys without end", {"", "a: 1\n", 4 * mebibyte, ""}, "larger than 512 KiB");
}

TEST_F(HostileFiles, ListsAndLabels) {
  const auto plan = [&](const std::string& kind, const Repeated& text, const std::string& key,
                        const std::string& word) {
    write_repeated(path("brought"), text);
    measure(kind, "brought", {"plan", "config.yaml", "--run", "run", "--set", key + "=" + path("brought").string()}, 3,
            word);
  };
  plan("list: one line", {"", "a", 50 * mebibyte, ""}, "dataset.list", "longer than 64 KiB");
  plan("list: the same name again and again", {"", "a.png\n", 8 * mebibyte, ""}, "dataset.list", "listed twice");
  plan("classes: one line", {"", "a", 50 * mebibyte, ""}, "dataset.classes", "longer than 64 KiB");
  plan("classes: lines without end", {"", "a\n", 25 * mebibyte, ""}, "dataset.classes", "65536 lines");
  for (const std::string key : {"dataset.classes", "dataset.label_map"}) {
    const std::string kind = key.substr(8) + ", JSON: ";
    plan(kind + "arrays in each other", {"", "[", 6 * mebibyte, ""}, key, "too deeply");
    plan(kind + "an array without end", {"[", "0,", 50 * mebibyte, "0]"}, key, "larger than 8 MiB");
    plan(kind + "an array of arrays", {"[", "[],", 2 * mebibyte, "0]"}, key, "brought");
    plan(kind + "a long string", {"[[\"", "a", 7 * mebibyte, "\"]]"}, key, "brought");
  }
}

TEST_F(HostileFiles, Weights) {
  const auto weights = [&](const std::string& kind, const std::string& name, const Repeated& content) {
    write_repeated(path(name), content);
    measure("weights, " + kind, name, {"inspect", name}, 3, "cannot read the weights file");
  };
  constexpr std::int64_t many = 3 * mebibyte;
  weights("safetensors: objects in each other", "a.safetensors", {header_of(5 * many), "{\"a\":", many, ""});
  const std::string shape = "{\"t\":{\"dtype\":\"F32\",\"shape\":[";
  weights("safetensors: a shape of 3 million axes", "b.safetensors",
          {header_of(std::ssize(shape) + 2 * many + 4) + shape, "1,", many, "1]}}"});
  const std::string legacy(
      "\x80\x02\x8a\nl\xfc\x9c"
      "F\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02",
      22);
  weights("pickle: marks", "a.pth", {legacy, "(", 50 * mebibyte, ""});
  weights("pickle: lists", "b.pth", {legacy, "]", 50 * mebibyte, ""});
  weights("index: arrays in each other", "a.index.json", {"{\"weight_map\":", "[", 10 * mebibyte, ""});
}

TEST_F(HostileFiles, Pixels) {
  fs::create_directories(path("truth"));
  fs::create_directories(path("masks"));
  write_mask(path("truth/a.png"), LabelMap(1, 1), 2, {});
  write_bytes(path("masks/a.png"), png_with_surplus());
  measure("PNG: 4 GiB of zeros behind one pixel", "masks/a.png",
          {"evaluate", "--predictions", "masks", "--truth", "truth", "--classes", "2"}, 3, "more than pixels");
}

TEST_F(HostileFiles, Matrices) {
  // 64 MiB of equal rows in one compressed chunk. Unpacked anew for each of the pieces that fit, it would take minutes.
  constexpr std::int64_t rows = std::int64_t{1} << 20;
  write_hdf5(path("zeros.h5"), [](Hdf5Writer& writer) {
    writer.write<float>("descriptor", std::vector<float>(16 * rows), {rows, 16}, ChunkHint::deflated);
  });
  const Outcome outcome =
      datus({"cluster", "--descriptors", "zeros.h5", "--k", "2", "--out", "o.h5", "--set", "cluster.memory=64MiB"});
  expect_refusal(outcome, 3, {"1 distinct rows"});
  std::cout << "| HDF5: zeros, 64 MiB compressed to " << fs::file_size(path("zeros.h5")) / 1024
            << " KiB, cluster.memory 64MiB | " << outcome.peak_bytes / mebibyte << " MiB | " << outcome.cpu_seconds
            << " s |\n";
  EXPECT_LE(outcome.cpu_seconds, 4);
  // The chunk twice, as the library unpacks it, and the program.
  EXPECT_LE(outcome.peak_bytes, (64 + 2 * 64 + 200) * mebibyte);
}

/// What goes to people: no line is begun, and nothing done to their terminal, by what others named.
void expect_own_lines(const Outcome& outcome) {
  std::istringstream lines(outcome.err);
  for (std::string line; std::getline(lines, line);) EXPECT_TRUE(line.starts_with("datus:")) << line;
  for (const std::string& text : {outcome.out, outcome.err}) {
    for (const char letter : text) {
      const auto code = static_cast<unsigned char>(letter);
      EXPECT_TRUE(code >= 0x20 || letter == '\n' || letter == '\t') << int{code} << " in " << text;
      EXPECT_NE(code, 0x7F) << text;
    }
  }
}

const std::string escapes = "\x1b[2J\x1b]0;owned\x07";
const std::string forged = "\ndatus: error: the disk is full";

TEST_F(HostileFiles, NamesAreNotObeyed) {
  write_bytes(path("images/evil" + escapes + forged + ".png"), "no image");
  const Outcome outcome =
      datus({"run", "config.yaml", "--run", "run", "--set", "dataset.kind=folder", "--set", "dataset.truth=null",
             "--set", "segment.method=none", "--set", "descriptor.kind=mean_key"});
  EXPECT_EQ(outcome.code, 4) << outcome;
  expect_own_lines(outcome);
  int logged = 0;
  for (const std::string& name : files_below(path("run/log"))) {
    std::istringstream lines(bytes_of(path("run/log") / name));
    for (std::string line; std::getline(lines, line); ++logged) EXPECT_TRUE(nlohmann::json::accept(line)) << line;
  }
  EXPECT_GT(logged, 0);
  EXPECT_TRUE(nlohmann::json::accept(bytes_of(path("run/summary.json"))));
  for (const char* file : {"run/summary.json", "run/unreadable.tsv", "run/report/index.html"}) {
    EXPECT_EQ(bytes_of(path(file)).find(forged), std::string::npos) << file;
    EXPECT_EQ(bytes_of(path(file)).find('\x1b'), std::string::npos) << file;
  }
}

TEST_F(HostileFiles, ValuesAndObjectsAreNotObeyed) {
  write_bytes(path("c.yaml"), "\"key\\e[2J\\ndatus: error: x\": 1\n");
  Outcome outcome = datus({"config", "c.yaml"});
  EXPECT_EQ(outcome.code, 2) << outcome;
  expect_own_lines(outcome);
  outcome = datus({"config", "--set", R"(dataset.images="a\e[2J\ndatus: error: x")"});
  EXPECT_EQ(outcome.code, 0) << outcome;
  expect_own_lines(outcome);
  outcome = datus({"inspect", escapes + forged});
  EXPECT_EQ(outcome.code, 3) << outcome;
  expect_own_lines(outcome);
  write_hdf5(path("a.h5"), [](Hdf5Writer& writer) {
    writer.write<float>("x" + escapes + forged, std::vector<float>(4), {2, 2});
    writer.attribute("/", "a" + escapes + forged, "b" + escapes + forged);
  });
  outcome = datus({"inspect", "a.h5"});
  EXPECT_EQ(outcome.code, 0) << outcome;
  expect_own_lines(outcome);
  EXPECT_EQ(outcome.out.find(forged), std::string::npos) << outcome;
  outcome = datus({"cluster", "--descriptors", "a.h5:/y" + escapes, "--k", "2", "--out", "o.h5"});
  EXPECT_EQ(outcome.code, 3) << outcome;
  expect_own_lines(outcome);
}

// Links make 2^40 folders of 40.
TEST_F(HostileFiles, ASignalEndsAListingThatHasNoEnd) {
  fs::path folder = path("images/deep");
  for (int i = 0; i < 40; ++i) {
    const fs::path next = path("folder" + std::to_string(i));
    fs::create_directories(next);
    fs::create_directories(folder);
    fs::create_directory_symlink(next, folder / "a");
    fs::create_directory_symlink(next, folder / "b");
    folder = next;
  }
  stop({"dataset.truth=null"}, "listing the images was given up");
}

TEST_F(HostileFiles, ASignalEndsALookAtAMillionImages) {
  std::ofstream list(path("list.txt"));
  for (int i = 0; i < 1'000'000; ++i) list << "i" << i << ".png\n";
  list.close();
  stop({"dataset.kind=list", "dataset.truth=null", "dataset.list=list.txt"}, "was given up");
}

}  // namespace hostile_files_test
}  // namespace datus::test
