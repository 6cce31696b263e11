// SPDX-License-Identifier: Apache-2.0
#include "datus/io/atomic_hdf5.hpp"

#include "support/errors.hpp"
#include "support/temp_folder.hpp"

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace datus {
namespace {

using test::bytes_of;
using test::expect_error;
using test::TempFolder;
using test::write_bytes;

const std::vector<std::int32_t> values{16909060, 84281096};  // 04 03 02 01, 08 07 06 05 in the file

void fill(Hdf5Writer& writer) {
  writer.write<std::int32_t>("x", values, {2});
}

TEST(AtomicHdf5, HoldsWhatAPlainWriterMakes) {
  const TempFolder folder;
  Hdf5Writer plain(folder / "plain.h5");
  fill(plain);
  plain.close();
  AtomicHdf5 file(folder / "a.h5", {.tag = "r1"});
  fill(file.writer());
  EXPECT_FALSE(std::filesystem::exists(folder / "a.h5"));
  file.commit();
  EXPECT_EQ(bytes_of(folder / "a.h5"), bytes_of(folder / "plain.h5"));
  EXPECT_EQ(folder.names().size(), 2U);
}

TEST(AtomicHdf5, WithoutCommitTheOldFileStays) {
  const TempFolder folder;
  write_bytes(folder / "a.h5", "old");
  const auto stop = [&] {
    AtomicHdf5 file(folder / "a.h5");
    fill(file.writer());
    throw std::runtime_error("stopped");
  };
  EXPECT_THROW(stop(), std::runtime_error);
  {
    AtomicHdf5 file(folder / "a.h5");
    fill(file.writer());
    EXPECT_EQ(Hdf5Reader(file.close()).read<std::int32_t>("x"), values);
  }
  EXPECT_EQ(folder.names(), std::vector<std::string>{"a.h5"});
  EXPECT_EQ(bytes_of(folder / "a.h5"), "old");
}

TEST(AtomicHdf5, WhatIsDamagedOnTheDiskGetsNoName) {
  const TempFolder folder;
  {
    AtomicHdf5 file(folder / "a.h5");
    fill(file.writer());
    const std::filesystem::path path = file.close();
    std::string bytes = bytes_of(path);
    const std::size_t at = bytes.find("\x04\x03\x02\x01");
    ASSERT_NE(at, std::string::npos);
    bytes[at] = '\x05';
    write_bytes(path, bytes);
    expect_error<InputError>([&] { file.commit(); }, {"/x", "content hash differs"});
  }
  EXPECT_TRUE(folder.names().empty());
}

TEST(AtomicHdf5, SourcesNeedOnlyBeThereWhenSaidSo) {
  const TempFolder folder;
  {
    Hdf5Writer unrecorded(folder / "s.h5");
    fill(unrecorded);
  }
  const std::vector<VirtualSource> sources{{"s.h5", "/x", 2}};
  AtomicHdf5 file(folder / "v.h5");
  file.writer().write_virtual("x", Dtype::i32, {}, sources);
  expect_error<InputError>([&] { file.commit(); }, {"is not complete"});
  file.commit(SourceCheck::open);
  EXPECT_EQ(Hdf5Reader(folder / "v.h5").read<std::int32_t>("x"), values);
}

}  // namespace
}  // namespace datus
