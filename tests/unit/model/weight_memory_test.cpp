// SPDX-License-Identifier: Apache-2.0
// Reading weights takes little memory beside what they are read to.

#include "datus/model/weights.hpp"
#include "model/weights/mapped_file.hpp"
#include "unit/model/weight_builders.hpp"

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace datus::test {
namespace weight_memory_test {

/// Bytes of the mapping of `path` that take memory of this process now.
std::size_t resident_bytes(const std::string& path) {
  std::ifstream maps("/proc/self/smaps");
  std::size_t total = 0;
  bool ours = false;
  for (std::string line; std::getline(maps, line);) {
    if (line.find('-') < line.find(' ') && line.find(':') > line.find(' ')) ours = line.ends_with(path);
    if (ours && line.starts_with("Rss:")) total += std::stoul(line.substr(4)) * 1024;
  }
  return total;
}

constexpr std::size_t tensor_values = std::size_t{1} << 19U;
constexpr int tensors = 16;
constexpr std::size_t file_bytes = tensors * tensor_values * sizeof(float);
/// Pages around the ends of tensors stay, and the system maps some more around each one that is read: up to 2 MiB.
constexpr std::size_t allowed = file_bytes / 4;

std::vector<float> values_of(int number) {
  return std::vector<float>(tensor_values, static_cast<float>(number));
}

std::string large_safetensors() {
  PlainTensors all;
  for (int i = 0; i < tensors; ++i) {
    all["w" + std::to_string(i)] = {{static_cast<std::int64_t>(tensor_values)}, values_of(i)};
  }
  return safetensors_bytes(all);
}

std::string large_checkpoint() {
  std::map<std::string, std::string> entries;
  std::string pickle = "}(";
  for (int i = 0; i < tensors; ++i) {
    const auto values = values_of(i);
    const auto size = static_cast<std::int32_t>(tensor_values);
    pickle += pickle_text("w" + std::to_string(i)) + pickle_tensor(std::to_string(i), size, 0, {size}, {1});
    entries["a/data/" + std::to_string(i)] = {reinterpret_cast<const char*>(values.data()), 4 * tensor_values};
  }
  entries["a/data.pkl"] = "\x80\x02" + pickle + "u.";
  return zip_bytes(entries);
}

/// Reads all tensors and returns the largest part of the file that took memory on the way.
std::size_t most_resident(const std::string& content) {
  const TemporaryFile file(content);
  const WeightFile weights = WeightFile::open(file.path());
  std::size_t most = resident_bytes(file.path());
  std::vector<float> to(tensor_values);
  for (const WeightTensor& tensor : weights.tensors()) {
    weights.read(tensor, to);
    EXPECT_EQ(to, values_of(std::stoi(tensor.name.substr(1)))) << tensor.name;
    most = std::max(most, resident_bytes(file.path()));
  }
  // Still readable behind that, and this is what the numbers above are compared with.
  for (const WeightTensor& tensor : weights.tensors()) EXPECT_EQ(to_floats(tensor, "FILE").size(), tensor_values);
  EXPECT_GE(resident_bytes(file.path()), file_bytes - allowed);
  return most;
}

TEST(WeightMemory, ATensorThatWasReadTakesNone) {
  EXPECT_LT(most_resident(large_safetensors()), allowed);
  EXPECT_LT(most_resident(large_checkpoint()), allowed);
}

TEST(WeightMemory, OtherMemoryIsLeftAloneAndTheFileStaysReadable) {
  const std::string content(100'000, 'x');
  const TemporaryFile file(content);
  const MappedFile mapped(file.path());
  const auto bytes = mapped.bytes();
  // Memory that is not the file's would be lost with its pages.
  const std::string other(100'000, 'y');
  mapped.release(as_bytes(other));
  EXPECT_EQ(other, std::string(100'000, 'y'));
  EXPECT_FALSE(mapped.holds(as_bytes(other)));
  for (const auto part : {bytes, bytes.first(1), bytes.subspan(1, 4095), bytes.subspan(4095, 2), bytes.last(1),
                          bytes.first(0), bytes.last(0), bytes.subspan(5000, 60'000)}) {
    EXPECT_TRUE(mapped.holds(part));
    mapped.release(part);
    EXPECT_TRUE(std::ranges::equal(bytes, as_bytes(content)));
  }
}

}  // namespace weight_memory_test
}  // namespace datus::test
