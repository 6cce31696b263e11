// SPDX-License-Identifier: Apache-2.0
// Rows that go to a file and come back outside the library's lock: what is in the file, that other threads use the
// library meanwhile, and calls that fail there.

#include "datus/core/half.hpp"
#include "datus/core/hash.hpp"
#include "datus/io/atomic_hdf5.hpp"
#include "datus/io/hdf5.hpp"
#include "io/hdf5/hdf5_dataset.hpp"
#include "support/errors.hpp"
#include "support/temp_folder.hpp"

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <hdf5.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace datus {
namespace hdf5_transfers_test {

/// Smaller ones the library may keep in memory of its own.
constexpr std::size_t large = std::size_t{64} << 10;

/// What happens to large transfers of this thread.
struct Hook {
  std::function<void()> before;
  int code = 0;           ///< `errno` that they fail with
  bool is_short = false;  ///< they move half of the bytes
  int calls = 0;
};
thread_local Hook writing;
thread_local Hook reading;

/// The bytes to move, or -1.
long bytes_to_move(Hook& hook, std::size_t wanted) {
  if (wanted < large) return static_cast<long>(wanted);
  ++hook.calls;
  if (hook.before) std::exchange(hook.before, {})();
  errno = hook.code;
  if (hook.code != 0) return -1;
  return static_cast<long>(hook.is_short ? (wanted + 1) / 2 : wanted);
}

}  // namespace hdf5_transfers_test
}  // namespace datus

// In place of the C library's, for this program and for the libraries that it has loaded.
extern "C" {
ssize_t pwrite(int descriptor, const void* from, size_t count, off_t offset) {
  const long moved = datus::hdf5_transfers_test::bytes_to_move(datus::hdf5_transfers_test::writing, count);
  return moved < 0 ? -1 : ::syscall(SYS_pwrite64, descriptor, from, moved, offset);
}
ssize_t pread(int descriptor, void* to, size_t count, off_t offset) {
  const long moved = datus::hdf5_transfers_test::bytes_to_move(datus::hdf5_transfers_test::reading, count);
  return moved < 0 ? -1 : ::syscall(SYS_pread64, descriptor, to, moved, offset);
}
}

namespace datus {
namespace hdf5_transfers_test {

using test::bytes_of;
using test::expect_error;
using test::TempFolder;

class Hdf5Transfers : public testing::Test {
 protected:
  ~Hdf5Transfers() override { writing = reading = {}; }
  TempFolder folder_;
};

constexpr std::int64_t rows = 6;
constexpr std::int64_t patches = 500;
constexpr std::int64_t dim = 100;
const Shape shape{rows, patches, dim};

std::vector<half> keys(int seed) {
  std::vector<half> values;
  for (std::int64_t i = 0; i < rows * patches * dim; ++i) {
    values.push_back({static_cast<std::uint16_t>((static_cast<std::uint64_t>(i) * 40503U + 7U * seed) % 30000U)});
  }
  return values;
}

std::vector<float> floats(std::int64_t count) {
  std::vector<float> values;
  for (std::int64_t i = 0; i < count; ++i) values.push_back(static_cast<float>(i) / 8);
  return values;
}

/// Row by row, as a shard is written; each is 100 kB.
void write_rows(Hdf5Writer& writer, const std::vector<half>& values) {
  const std::size_t row = patches * dim;
  writer.create<half>("keys", shape, ChunkHint::per_row);
  for (std::int64_t i = 0; i < rows; ++i) {
    writer.write_rows<half>("keys", i, std::span(values).subspan(static_cast<std::size_t>(i) * row, row));
  }
}

void write_file(const std::filesystem::path& path, int seed = 1) {
  AtomicHdf5 file(path);
  write_rows(file.writer(), keys(seed));
  file.writer().attribute("/", "seed", seed);
  file.commit();
}

/// Dataset `name`, as the library gives it by itself, in the type it is stored in.
template <class T>
std::vector<T> read_plainly(const std::filesystem::path& path, const char* name, std::size_t count) {
  const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  const hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT);
  const hid_t type = H5Dget_type(dataset);
  EXPECT_EQ(H5Tget_size(type), sizeof(T));
  std::vector<T> values(count);
  EXPECT_GE(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), 0);
  EXPECT_GE(H5Tclose(type) | H5Dclose(dataset) | H5Fclose(file), 0);
  return values;
}

std::string content_hash(const std::filesystem::path& path, const char* name) {
  const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  const hid_t attribute = H5Aopen_by_name(file, name, "content_hash", H5P_DEFAULT, H5P_DEFAULT);
  const hid_t type = H5Aget_type(attribute);
  std::string text(H5Tget_size(type), '\0');
  EXPECT_GE(H5Aread(attribute, type, text.data()), 0);
  EXPECT_GE(H5Tclose(type) | H5Aclose(attribute) | H5Fclose(file), 0);
  return text;
}

/// Type, bytes of an element, shape, and the values one after the other.
std::string expected_hash(const char* type, std::int64_t size, const Shape& lengths, std::span<const std::byte> bytes) {
  Hasher hasher;
  hasher.add(type).add(size).add(std::ssize(lengths));
  for (const std::int64_t length : lengths) hasher.add(length);
  return hasher.add_bytes(bytes).finish().hex();
}

TEST_F(Hdf5Transfers, RowsAreWhatTheLibraryReadsByItself) {
  const auto path = folder_ / "a.h5";
  const auto values = keys(3);
  const auto matrix = floats(3000 * 100);
  const auto whole = floats(50'000);
  {
    Hdf5Writer writer(path);
    write_rows(writer, values);
    writer.write<float>("matrix", matrix, {3000, 100}, ChunkHint::about_one_mib);
    writer.write<float>("one_piece", matrix, {1, 300'000}, ChunkHint::per_row);
    writer.write<float>("whole", whole, {50'000});
    writer.close();
  }
  EXPECT_GE(writing.calls, rows);
  const auto bits = read_plainly<std::uint16_t>(path, "keys", values.size());
  for (std::size_t i = 0; i < values.size(); ++i) ASSERT_EQ(bits[i], values[i].bits) << i;
  EXPECT_EQ(read_plainly<float>(path, "matrix", matrix.size()), matrix);
  EXPECT_EQ(read_plainly<float>(path, "one_piece", matrix.size()), matrix);
  EXPECT_EQ(read_plainly<float>(path, "whole", whole.size()), whole);
  EXPECT_EQ(content_hash(path, "keys"), expected_hash("f16", 2, shape, std::as_bytes(std::span(values))));
  EXPECT_EQ(content_hash(path, "matrix"), expected_hash("f32", 4, {3000, 100}, std::as_bytes(std::span(matrix))));
  require_verified(path);
  EXPECT_EQ(Hdf5Reader(path).read<half>("keys"), values);
}

TEST_F(Hdf5Transfers, AFileIsTheSameWhetherItIsWrittenAloneOrAmongOthers) {
  constexpr int writers = 4;
  std::vector<std::thread> threads;
  for (int t = 0; t < writers; ++t) {
    threads.emplace_back([&, t] {
      for (int round = 0; round < 5; ++round) write_file(folder_ / (std::to_string(t) + ".h5"), t);
    });
  }
  for (auto& thread : threads) thread.join();
  for (int t = 0; t < writers; ++t) {
    write_file(folder_ / "alone.h5", t);
    EXPECT_TRUE(bytes_of(folder_ / (std::to_string(t) + ".h5")) == bytes_of(folder_ / "alone.h5")) << t;
  }
}

/// Whether another thread can write, verify and read a file now.
bool may_others_enter(const std::filesystem::path& path, std::future<void>& other) {
  other = std::async(std::launch::async, [path] {
    Hdf5Writer writer(path);
    writer.write<float>("x", floats(10), {10});
    writer.close();
    require_verified(path);
  });
  return other.wait_for(std::chrono::seconds(10)) == std::future_status::ready;
}

TEST_F(Hdf5Transfers, OthersUseTheLibraryWhileRowsAreWritten) {
  std::future<void> other;
  bool entered = false;
  writing.before = [&] { entered = may_others_enter(folder_ / "other.h5", other); };
  write_file(folder_ / "a.h5");
  EXPECT_TRUE(entered);
  other.get();
}

TEST_F(Hdf5Transfers, OthersUseTheLibraryWhileRowsAreReadBack) {
  std::future<void> other;
  bool entered = false;
  reading.before = [&] { entered = may_others_enter(folder_ / "other.h5", other); };
  write_file(folder_ / "a.h5");
  EXPECT_TRUE(entered);
  other.get();
}

TEST_F(Hdf5Transfers, ShortCallsAreGoneOnWith) {
  write_file(folder_ / "expected.h5");
  const int calls = writing.calls;
  writing.is_short = reading.is_short = true;
  write_file(folder_ / "a.h5");
  EXPECT_EQ(writing.calls, 2 * calls) << "nothing was short";
  EXPECT_TRUE(bytes_of(folder_ / "a.h5") == bytes_of(folder_ / "expected.h5"));
}

TEST_F(Hdf5Transfers, ADiskThatCannotReadBackIsNamed) {
  write_file(folder_ / "a.h5", 1);
  const std::string before = bytes_of(folder_ / "a.h5");
  reading.code = EIO;
  expect_error<InputError>([&] { write_file(folder_ / "a.h5", 2); },
                           {"Cannot read /keys of ", "a.h5.tmp-", "(Input/output error)"});
  reading = {};
  EXPECT_EQ(folder_.names(), std::vector<std::string>{"a.h5"});
  EXPECT_TRUE(bytes_of(folder_ / "a.h5") == before);
}

TEST_F(Hdf5Transfers, AChangedByteOfAnyRowIsFound) {
  const auto path = folder_ / "a.h5";
  write_file(path);
  const std::string bytes = bytes_of(path);
  const std::size_t row = patches * dim * sizeof(half);
  for (std::size_t i = 0; i < rows; ++i) {
    std::string damaged = bytes;
    damaged[bytes.size() - i * row - row / 2] ^= 1;
    test::write_bytes(path, damaged);
    expect_error<InputError>([&] { require_verified(path); }, {"/keys", "content hash differs"});
  }
}

/// Values that the library turns round are not taken from the file as they are.
TEST_F(Hdf5Transfers, ValuesInAnotherByteOrderHaveTheHashOfTheirOwn) {
  const auto path = folder_ / "a.h5";
  const auto values = floats(3 * 40'000);
  const std::string hash = expected_hash("f32", 4, {3, 40'000}, std::as_bytes(std::span(values)));
  const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  const hsize_t lengths[] = {3, 40'000};
  const hid_t space = H5Screate_simple(2, lengths, nullptr);
  const hid_t dataset = H5Dcreate2(file, "x", H5T_IEEE_F32BE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  EXPECT_GE(H5Dwrite(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), 0);
  const hid_t type = H5Tcopy(H5T_C_S1);
  EXPECT_GE(H5Tset_size(type, hash.size()), 0);
  const hid_t scalar = H5Screate(H5S_SCALAR);
  const hid_t attribute = H5Acreate2(dataset, "content_hash", type, scalar, H5P_DEFAULT, H5P_DEFAULT);
  EXPECT_GE(H5Awrite(attribute, type, hash.data()), 0);
  EXPECT_GE(H5Aclose(attribute) | H5Sclose(scalar) | H5Tclose(type) | H5Dclose(dataset) | H5Sclose(space), 0);
  EXPECT_GE(H5Fclose(file), 0);
  EXPECT_EQ(Hdf5Reader(path).verify(), VerifyResult::no_record);
}

/// What the library reads itself is there although nobody has made the noted transfers yet.
TEST_F(Hdf5Transfers, NothingIsReadBeforeWhatWasNotedIsWritten) {
  const hdf5::LibraryLock lock;
  const auto file = hdf5::File::create(folder_ / "a.h5");
  const hsize_t lengths[] = {4, 50'000};
  const hdf5::Handle space(H5Screate_simple(2, lengths, nullptr), H5Sclose);
  const hdf5::Handle type = hdf5::number_type(file, Dtype::f32);
  const hdf5::Dataset dataset{
      "/x",
      {H5Dcreate2(file.id(), "x", type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Dclose},
      {4, 50'000},
      {Dtype::f32, 4, false}};
  const auto values = floats(50'000);
  const auto bytes = std::as_bytes(std::span(values));
  auto left = file.note_transfers(bytes, [&] { hdf5::write_rows(file, dataset, 1, 1, type.get(), values.data()); });
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left.front().size, bytes.size());
  file.write(left, bytes, "/x");
  std::vector<float> read(50'000);
  left = file.note_transfers(bytes, [&] {
    hdf5::write_rows(file, dataset, 3, 1, type.get(), values.data());
    hdf5::read_rows(file, dataset, 3, 1, type.get(), read.data());
  });
  EXPECT_TRUE(left.empty());
  EXPECT_EQ(read, values);
  hdf5::read_rows(file, dataset, 1, 1, type.get(), read.data());
  EXPECT_EQ(read, values);
}

}  // namespace hdf5_transfers_test
}  // namespace datus
