// SPDX-License-Identifier: Apache-2.0
#include "datus/io/hdf5.hpp"
#include "support/errors.hpp"
#include "support/temp_folder.hpp"

#include <fstream>
#include <map>

/// Asked for by the leak checker, where there is one: the library itself loses memory when a damaged file fails to
/// open.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libhdf5";
}

namespace datus {
namespace hdf5_verify_test {

using test::bytes_of;
using test::expect_error;
using test::TempFolder;
using test::write_bytes;

/// Replaces the only occurrence of `from` in the file.
void patch(const std::filesystem::path& path, const std::string& from, const std::string& to) {
  std::string bytes = bytes_of(path);
  const auto at = bytes.find(from);
  ASSERT_NE(at, std::string::npos);
  ASSERT_EQ(bytes.find(from, at + 1), std::string::npos);
  bytes.replace(at, from.size(), to);
  write_bytes(path, bytes);
}

/// What a small file says: equal only when all is as it was written.
struct Contents {
  std::vector<std::string> datasets;
  std::vector<std::int16_t> segment;
  std::vector<half> keys;
  std::vector<std::string> names;
  std::map<std::string, AttributeValue> root;
  std::map<std::string, AttributeValue> attributes;
  friend bool operator==(const Contents&, const Contents&) = default;
};

const std::vector<std::int16_t> segment{0, 0, 0, -1, -1, -1, 0, 1, 1, -1};

void write_small(const std::filesystem::path& path) {
  Hdf5Writer writer(path);
  writer.write<std::int16_t>("segment", segment, {5, 2}, ChunkHint::per_row);
  writer.write<half>("group/keys", std::vector<half>{{1}, {2}, {3}}, {3}, ChunkHint::whole);
  writer.write<float>("empty", {}, {0, 8});
  writer.write_names("name", std::vector<std::string>{"first.png", "b.png"});
  writer.attribute("/", "rows", 28);
  writer.attribute("/segment", "text", "a line of text");
  writer.attribute("/segment", "number", 0.25);
  writer.close();
}

Contents read_small(const Hdf5Reader& reader) {
  return {reader.datasets(),
          reader.read<std::int16_t>("segment"),
          reader.read<half>("group/keys"),
          reader.names("name"),
          reader.attributes("/"),
          reader.attributes("segment")};
}

TEST(Hdf5Verify, FindsZeroTurnedIntoMinusOne) {
  const TempFolder folder;
  const std::vector<std::int16_t> before{1234, 0, 0, -1, 4321};
  const std::vector<std::int16_t> after{1234, -1, -1, 0, 4321};
  const auto bytes = [](const auto& values) {
    return std::string(reinterpret_cast<const char*>(values.data()), values.size() * 2);
  };
  Hdf5Writer writer(folder / "a.h5");
  writer.write<std::int16_t>("segment", before, {5});
  writer.close();
  require_verified(folder / "a.h5");
  patch(folder / "a.h5", bytes(before), bytes(after));
  const Hdf5Reader reader(folder / "a.h5");
  EXPECT_EQ(reader.read<std::int16_t>("segment"), after);
  expect_error<InputError>([&] { reader.verify(); }, {"a.h5", "/segment", "content hash differs"});
}

TEST(Hdf5Verify, FindsAChangedAttribute) {
  const TempFolder folder;
  write_small(folder / "a.h5");
  patch(folder / "a.h5", "a line of text", "a line of test");
  expect_error<InputError>([&] { require_verified(folder / "a.h5"); }, {"a.h5"});
}

TEST(Hdf5Verify, FindsAChangedName) {
  const TempFolder folder;
  write_small(folder / "a.h5");
  patch(folder / "a.h5", "first.png", "first.pnh");
  expect_error<InputError>([&] { require_verified(folder / "a.h5"); }, {"/name", "content hash"});
}

TEST(Hdf5Verify, FindsEveryTruncation) {
  const TempFolder folder;
  write_small(folder / "a.h5");
  const std::string bytes = bytes_of(folder / "a.h5");
  std::filesystem::resize_file(folder / "a.h5", bytes.size() - 1);
  expect_error<InputError>([&] { Hdf5Reader(folder / "a.h5"); }, {"a.h5", "truncated", "incomplete"});
  for (std::size_t size = bytes.size(); size-- > 0;) {
    std::filesystem::resize_file(folder / "a.h5", size);
    EXPECT_THROW(require_verified(folder / "a.h5"), InputError) << size;
  }
}

/// Overwrites one byte in place.
void poke(const std::filesystem::path& path, std::size_t at, int value) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(at));
  file.put(static_cast<char>(value));
  ASSERT_TRUE(file.good());
}

/// One wrong byte, at each place of a file in turn: it is found, or it was in none of the data.
TEST(Hdf5Verify, NoWrongByteChangesWhatIsRead) {
  const TempFolder folder;
  const auto path = folder / "a.h5";
  write_small(path);
  const std::string bytes = bytes_of(path);
  const Contents expected = read_small(Hdf5Reader(path));
  EXPECT_EQ(expected.segment, segment);
  std::size_t found = 0;
  std::size_t harmless = 0;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (const int flip : {0x01, 0x80, 0xFF}) {
      poke(path, at, bytes[at] ^ flip);
      try {
        const Hdf5Reader reader(path);
        ASSERT_EQ(reader.verify(), VerifyResult::verified) << "byte " << at;
        ASSERT_EQ(read_small(reader), expected) << "byte " << at;
        ++harmless;
      } catch (const InputError&) {
        ++found;
      }
    }
    poke(path, at, bytes[at]);
  }
  // Space that belongs to nothing lies between the parts of the file.
  EXPECT_GT(found, harmless / 2) << found << " of " << 3 * bytes.size() << " found";
  require_verified(path);
}

TEST(Hdf5Verify, AFileWithoutCloseIsNotComplete) {
  const TempFolder folder;
  {
    Hdf5Writer writer(folder / "a.h5");
    writer.write<std::int16_t>("segment", segment, {10});
  }
  EXPECT_EQ(Hdf5Reader(folder / "a.h5").verify(), VerifyResult::no_record);
  expect_error<InputError>([&] { require_verified(folder / "a.h5"); }, {"a.h5 is not complete"});
}

}  // namespace hdf5_verify_test
}  // namespace datus
