// SPDX-License-Identifier: Apache-2.0
#include "datus/io/hdf5.hpp"
#include "support/errors.hpp"
#include "support/temp_folder.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace datus {
namespace hdf5_rounded_rows_test {

using test::bytes_of;
using test::expect_error;
using test::TempFolder;

/// Six rows of four values that a half does not hold exactly, and what it makes of each (steps of 2^-11 below 1, of
/// 2^-10 above, of 32 above 32768).
const std::vector<float> values = {0.1F,  1.0001F, -1.0009F, 40'000.0F, 0.1F,  1.0001F, -1.0009F, 40'017.0F,
                                   0.1F,  1.0001F, -1.0009F, 40'015.0F, 0.1F,  1.0001F, -1.0009F, 0.0F,
                                   -0.1F, 1.0001F, -1.0009F, 1.0F,      0.25F, 1.0001F, -1.0009F, 65'504.0F};
const std::vector<float> rounded = {0.0999755859375F,
                                    1.0F,
                                    -1.0009765625F,
                                    40'000.0F,
                                    0.0999755859375F,
                                    1.0F,
                                    -1.0009765625F,
                                    40'032.0F,
                                    0.0999755859375F,
                                    1.0F,
                                    -1.0009765625F,
                                    40'000.0F,
                                    0.0999755859375F,
                                    1.0F,
                                    -1.0009765625F,
                                    0.0F,
                                    -0.0999755859375F,
                                    1.0F,
                                    -1.0009765625F,
                                    1.0F,
                                    0.25F,
                                    1.0F,
                                    -1.0009765625F,
                                    65'504.0F};

std::vector<float> read_all(const std::filesystem::path& path) {
  require_verified(path);
  const Hdf5Reader reader(path);
  std::vector<float> result(values.size());
  reader.read_rows_as_float("x", 0, 6, result);
  return result;
}

TEST(RoundedRows, HalvesAreTheNearest) {
  const TempFolder folder;
  for (const ChunkHint hint : {ChunkHint::whole, ChunkHint::per_row, ChunkHint::about_one_mib}) {
    Hdf5Writer writer(folder / "a.h5");
    writer.create<half>("x", {6, 2, 2}, hint);
    writer.write_rounded_rows("x", 0, std::span(values).first(4));
    writer.write_rounded_rows("x", 1, {});
    writer.write_rounded_rows("x", 1, std::span(values).subspan(4));
    writer.close();
    EXPECT_EQ(Hdf5Reader(folder / "a.h5").dtype("x"), Dtype::f16);
    EXPECT_EQ(read_all(folder / "a.h5"), rounded);
  }
}

TEST(RoundedRows, FloatsStayAsTheyAre) {
  const TempFolder folder;
  Hdf5Writer writer(folder / "a.h5");
  writer.create<float>("x", {6, 4}, ChunkHint::per_row);
  writer.write_rounded_rows("x", 0, values);
  writer.close();
  EXPECT_EQ(read_all(folder / "a.h5"), values);
}

TEST(RoundedRows, TheFileIsThatOfHalvesRoundedBefore) {
  const TempFolder folder;
  std::vector<half> halves(values.size());
  to_half(values, halves);
  for (const ChunkHint hint : {ChunkHint::whole, ChunkHint::per_row, ChunkHint::about_one_mib}) {
    Hdf5Writer by_rows(folder / "rounded.h5");
    by_rows.create<half>("x", {6, 4}, hint);
    by_rows.write_rounded_rows("x", 0, values);
    by_rows.close();
    Hdf5Writer at_once(folder / "halves.h5");
    at_once.write<half>("x", halves, {6, 4}, hint);
    at_once.close();
    EXPECT_EQ(bytes_of(folder / "rounded.h5"), bytes_of(folder / "halves.h5"));
  }
}

TEST(RoundedRows, WhatDoesNotFitIsRefused) {
  const TempFolder folder;
  const auto refused = [&](const std::vector<float>& rows, const std::string& why, bool integers = false) {
    Hdf5Writer writer(folder / "a.h5");
    if (integers) {
      writer.create<std::int16_t>("x", {6, 4}, ChunkHint::per_row);
    } else {
      writer.create<half>("x", {6, 4}, ChunkHint::per_row);
    }
    expect_error<SystemError>([&] { writer.write_rounded_rows("x", 0, rows); }, {"/x of ", "a.h5", why});
  };
  refused(std::vector<float>(5), "do not fill the shape");
  refused(std::vector<float>(28), "waits for rows");
  refused(std::vector<float>(24), "its type is i16, not f32", true);
  Hdf5Writer writer(folder / "a.h5");
  expect_error<SystemError>([&] { writer.write_rounded_rows("y", 0, values); }, {"/y of ", "waits for rows"});
}

}  // namespace hdf5_rounded_rows_test
}  // namespace datus
