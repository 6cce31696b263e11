// SPDX-License-Identifier: Apache-2.0
// Files of other programs that are in order, but hold what this library or datus has no use for; and those it reads.

#include "datus/io/hdf5.hpp"
#include "hdf5_foreign.hpp"
#include "support/errors.hpp"
#include "support/temp_folder.hpp"

#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <numeric>

namespace datus {
namespace hdf5_brought_test {

using test::bytes_of;
using test::error_of;
using test::expect_error;
using test::expect_mentions;
using test::ForeignFile;
using test::TempFolder;

const std::vector<float> numbers{1, 2, 3, 4, 5, 6};

/// A filter of this number, known to the library until the end of the scope. It changes nothing.
class PassingFilter {
 public:
  PassingFilter(H5Z_filter_t number, const char* name) : number_(number) { add(name, pass); }
  ~PassingFilter() { H5Zunregister(number_); }
  PassingFilter(const PassingFilter&) = delete;
  PassingFilter& operator=(const PassingFilter&) = delete;

  /// Cannot do anything with the values, as compression with random ones.
  void give_up(const char* name) const { add(name, refuse); }

 private:
  static size_t pass(unsigned, size_t, const unsigned*, size_t bytes, size_t*, void**) { return bytes; }
  static size_t refuse(unsigned, size_t, const unsigned*, size_t, size_t*, void**) { return 0; }
  void add(const char* name, H5Z_func_t function) const {
    const H5Z_class2_t filter{H5Z_CLASS_T_VERS, number_, 1, 1, name, nullptr, nullptr, function};
    EXPECT_GE(H5Zregister(&filter), 0);
  }
  H5Z_filter_t number_;
};

/// [3, 2] in chunks of one row that go through the filter.
void write_filtered(ForeignFile& file, const char* name, H5Z_filter_t filter, unsigned flags) {
  const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
  const std::array<hsize_t, 2> chunk{1, 2};
  H5Pset_chunk(creation, 2, chunk.data());
  EXPECT_GE(H5Pset_filter(creation, filter, flags, 0, nullptr), 0);
  file.dataset(name, H5T_IEEE_F32LE, {3, 2}, H5T_NATIVE_FLOAT, numbers.data(), creation);
  H5Pclose(creation);
}

TEST(Hdf5Brought, AMissingFilterIsNamedBeforeAnythingIsRead) {
  const TempFolder folder;
  {
    const PassingFilter lzf(32000, "");
    const PassingFilter own(300, "of the institute");
    const PassingFilter nameless(301, "");
    ForeignFile file(folder / "a.h5");
    write_filtered(file, "lzf", 32000, H5Z_FLAG_OPTIONAL);
    write_filtered(file, "own", 300, H5Z_FLAG_MANDATORY);
    write_filtered(file, "nameless", 301, H5Z_FLAG_MANDATORY);
    lzf.give_up("");
    write_filtered(file, "skipped", 32000, H5Z_FLAG_OPTIONAL);
    file.dataset("plain", H5T_IEEE_F32LE, {3, 2}, H5T_NATIVE_FLOAT, numbers.data());
    ForeignFile all(folder / "all.h5");
    test::foreign_virtual(all, "x", 3, {{"a.h5", "/lzf", 0, 3, 0, 3}});
  }
  const Hdf5Reader reader(folder / "a.h5");
  const std::string text = error_of<InputError>([&] { (void)reader.matrix_shape("lzf"); });
  expect_mentions(text, {"/lzf of ", "a.h5", "filter lzf, number 32000", "HDF5_PLUGIN_PATH", "h5repack -f GZIP=4",
                         "compression='gzip'"});
  EXPECT_EQ(text.find("damaged"), std::string::npos) << text;
  expect_error<InputError>([&] { (void)reader.matrix_shape("own"); }, {"filter of the institute, number 300"});
  expect_error<InputError>([&] { (void)reader.matrix_shape("nameless"); }, {"filter number 301"});
  const Hdf5Reader over(folder / "all.h5");
  EXPECT_EQ(over.shape("x"), (Shape{3, 2})) << "it can be looked at";
  for (const auto& use : {std::function<void()>([&] { (void)over.matrix_shape("x"); }),
                          std::function<void()>([&] { over.require_filters("x"); }),
                          std::function<void()>([&] { (void)over.read<float>("x"); })}) {
    expect_error<InputError>(use, {"/lzf of ", "a.h5", "filter lzf"});
  }
  // Read without a look before.
  expect_error<InputError>([&] { (void)reader.read<float>("own"); },
                           {"/own of ", "of the institute", "HDF5_PLUGIN_PATH"});
  // What the filter was not needed for can be read, and the others of the file.
  EXPECT_EQ(reader.matrix_shape("skipped"), (Shape{3, 2}));
  EXPECT_EQ(reader.read<float>("skipped"), numbers);
  EXPECT_EQ(reader.verify(), VerifyResult::no_record);
  EXPECT_EQ(reader.read<float>("plain"), numbers);
}

/// The type of a bfloat16, from its definition.
hid_t brain_type(H5T_order_t order) {
  const hid_t type = H5Tcopy(H5T_IEEE_F32LE);
  H5Tset_fields(type, 15, 7, 8, 0, 7);
  H5Tset_size(type, 2);
  H5Tset_ebias(type, 127);
  H5Tset_order(type, order);
  return type;
}

TEST(Hdf5Brought, BrainFloats) {
  const TempFolder folder;
  std::vector<std::uint16_t> all(65536);
  std::iota(all.begin(), all.end(), std::uint16_t{0});
  std::vector<float> converted(all.size());
  {
    ForeignFile file(folder / "a.h5");
    const hid_t little = brain_type(H5T_ORDER_LE);
    const hid_t big = brain_type(H5T_ORDER_BE);
    const std::array<std::uint16_t, 8> some{0x3F80, 0xC049, 0x0001, 0x8000, 0x7F7F, 0x7F80, 0xFF80, 0x7FC0};
    file.dataset("some", little, {4, 2}, little, some.data());
    file.dataset("all", little, {256, 256}, little, all.data());
    file.dataset("big", big, {256, 256}, little, all.data());
    const hid_t dataset = H5Dopen2(file.id(), "all", H5P_DEFAULT);
    EXPECT_GE(H5Dread(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, converted.data()), 0);
    H5Dclose(dataset);
    H5Tclose(big);
    H5Tclose(little);
  }
  const Hdf5Reader reader(folder / "a.h5");
  EXPECT_EQ(reader.matrix_shape("some"), (Shape{4, 2}));
  EXPECT_EQ(to_string(reader.dtype("some")), "bf16");
  const std::vector<float> some = reader.read<float>("some");
  const float infinite = std::numeric_limits<float>::infinity();
  EXPECT_EQ(
      std::vector<float>(some.begin(), some.begin() + 7),
      (std::vector<float>{1, -3.140625F, std::ldexp(1.0F, -133), 0, std::ldexp(255.0F, 120), infinite, -infinite}));
  EXPECT_TRUE(std::signbit(some[3]));
  EXPECT_TRUE(std::isnan(some[7]));
  // All there are, as the library converts them by the description of the type.
  const std::vector<float> floats = reader.read<float>("all");
  const std::vector<float> swapped = reader.read<float>("big");
  const std::vector<double> doubles = reader.read<double>("all");
  std::vector<float> rounded(all.size());
  reader.read_rows_as_float("all", 0, 256, rounded);
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (const double value : {double{floats[i]}, double{swapped[i]}, doubles[i], double{rounded[i]}}) {
      if (std::isnan(converted[i])) {
        ASSERT_TRUE(std::isnan(value)) << i;
      } else {
        ASSERT_EQ(value, converted[i]) << i;
      }
    }
  }
}

TEST(Hdf5Brought, TypesAreNamed) {
  const TempFolder folder;
  const std::vector<std::uint64_t> zeros(64);
  const auto add = [&](ForeignFile& file, const char* name, hid_t type) {
    file.dataset(name, type, {2, 2}, type, zeros.data());
    H5Tclose(type);
  };
  {
    ForeignFile file(folder / "a.h5");
    const hid_t boolean = H5Tenum_create(H5T_NATIVE_INT8);
    const std::array<std::int8_t, 2> values{0, 1};
    H5Tenum_insert(boolean, "FALSE", &values[0]);
    H5Tenum_insert(boolean, "TRUE", &values[1]);
    add(file, "bool", boolean);
    const hid_t colours = H5Tenum_create(H5T_NATIVE_INT8);
    H5Tenum_insert(colours, "red", &values[0]);
    add(file, "enum", colours);
    const hid_t complex_number = H5Tcreate(H5T_COMPOUND, 8);
    H5Tinsert(complex_number, "r", 0, H5T_NATIVE_FLOAT);
    H5Tinsert(complex_number, "i", 4, H5T_NATIVE_FLOAT);
    add(file, "complex", complex_number);
    add(file, "opaque", H5Tcreate(H5T_OPAQUE, 2));
    add(file, "long", H5Tcopy(H5T_NATIVE_LDOUBLE));
    const hsize_t three = 3;
    add(file, "array", H5Tarray_create2(H5T_NATIVE_FLOAT, 1, &three));
  }
  const Hdf5Reader reader(folder / "a.h5");
  const std::vector<std::pair<const char*, const char*>> names{{"bool", "is bool where"},
                                                               {"enum", "an enumeration of red where"},
                                                               {"complex", "is complex where"},
                                                               {"opaque", "bfloat16 of JAX"},
                                                               {"long", "15 bits of exponent and 64 of mantissa"},
                                                               {"array", "arrays where"}};
  for (const auto& [dataset, name] : names) {
    expect_error<InputError>([&] { (void)reader.matrix_shape(dataset); }, {dataset, name, "floating-point numbers"});
    expect_error<InputError>([&] { (void)reader.read<float>(dataset); }, {dataset, name, "f32"});
  }
}

TEST(Hdf5Brought, LinksElsewhere) {
  const TempFolder folder;
  const std::vector<float> many(100000, 0.5F);
  {
    ForeignFile other(folder / "other.h5");
    other.dataset("many", H5T_IEEE_F32LE, {50000, 2}, H5T_NATIVE_FLOAT, many.data());
    ForeignFile file(folder / "a.h5");
    H5Lcreate_external("other.h5", "/many", file.id(), "many", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_external("other.h5", "/few", file.id(), "few", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_external("gone.h5", "/x", file.id(), "gone", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/nowhere/x", file.id(), "deep", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/nowhere", file.id(), "soft", H5P_DEFAULT, H5P_DEFAULT);
  }
  const Hdf5Reader reader(folder / "a.h5");
  EXPECT_EQ(reader.matrix_shape("many"), (Shape{50000, 2}));
  EXPECT_EQ(reader.read<float>("many"), many);
  EXPECT_FALSE(reader.has("soft"));
  const auto expect_named = [&](const char* name, const std::vector<std::string>& parts) {
    const std::string text = error_of<InputError>([&] { (void)reader.shape(name); });
    expect_mentions(text, parts);
    EXPECT_EQ(text.find("damaged"), std::string::npos) << text;
  };
  expect_named("few", {"link /few", "a.h5", "/few of other.h5"});
  expect_named("gone", {"link /gone", "a.h5", "/x of gone.h5", "unable to open external file"});
  expect_named("soft", {"link /soft", "a.h5", "/nowhere: "});
  expect_named("soft/below", {"link /soft of", "/nowhere: "});
  expect_named("deep", {"link /deep", "a.h5", "/nowhere/x: "});
  // One that is missing is not said to be absent: what a stage does without it would be wrong.
  expect_error<InputError>([&] { (void)reader.has("gone"); }, {"link /gone"});
}

// Others of the file are read all the same, as by whoever verifies it first.
TEST(Hdf5Brought, OneThatCannotBeUsedIsNoReasonAgainstTheOthers) {
  const TempFolder folder;
  {
    ForeignFile file(folder / "a.h5");
    file.null_dataset("empty");
    test::foreign_virtual(file, "scattered", 3, {{"gone.h5", "/x", 0, 3, 0, 3}});
    file.dataset("x", H5T_IEEE_F32LE, {3, 2}, H5T_NATIVE_FLOAT, numbers.data());
    H5Lcreate_external("gone.h5", "/x", file.id(), "link", H5P_DEFAULT, H5P_DEFAULT);
  }
  const Hdf5Reader reader(folder / "a.h5");
  EXPECT_EQ(reader.verify(), VerifyResult::no_record);
  EXPECT_EQ(reader.read<float>("x"), numbers);
  EXPECT_EQ(reader.links(), std::vector<std::string>{"/link"});
  expect_error<InputError>([&] { (void)reader.shape("empty"); }, {"/empty", "no values"});
  expect_error<InputError>([&] { (void)reader.shape("scattered"); }, {"/scattered", "gone.h5"});
}

TEST(Hdf5Brought, ValuesInAFileBeside) {
  const TempFolder folder;
  {
    ForeignFile file(folder / "a.h5");
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    EXPECT_GE(H5Pset_external(creation, (folder / "values.raw").c_str(), 0, H5F_UNLIMITED), 0);
    file.dataset("x", H5T_IEEE_F32LE, {3, 2}, H5T_NATIVE_FLOAT, numbers.data(), creation);
    H5Pclose(creation);
  }
  const std::string text = error_of<InputError>([&] { (void)Hdf5Reader(folder / "a.h5").shape("x"); });
  expect_mentions(text, {"/x of ", "a.h5", "values.raw", "external storage"});
  EXPECT_EQ(text.find("damaged"), std::string::npos) << text;
}

TEST(Hdf5Brought, NewerFormats) {
  const TempFolder folder;
  const auto expect_newer = [&](const std::string& bytes, const std::vector<std::string>& parts) {
    test::write_bytes(folder / "new.h5", bytes);
    const std::string text = error_of<InputError>([&] { (void)Hdf5Reader(folder / "new.h5").shape("x"); });
    expect_mentions(text, parts);
    expect_mentions(text, {"new.h5", "HDF5 1.", "newer HDF5", "libver"});
    EXPECT_EQ(text.find("damaged"), std::string::npos) << text;
  };
  {
    ForeignFile source(folder / "source.h5");
    source.dataset("x", H5T_IEEE_F32LE, {3, 2}, H5T_NATIVE_FLOAT, numbers.data());
    ForeignFile file(folder / "a.h5");
    test::foreign_virtual(file, "x", 3, {{"source.h5", "/x", 0, 3, 0, 3}});
  }
  const std::string good = bytes_of(folder / "a.h5");
  // The version follows the signature of eight bytes.
  std::string superblock = good;
  superblock[8] = 9;
  expect_newer(superblock, {"superblock version"});
  // The list of sources is the first object in the global heap: a header of 16 bytes each, then the version.
  std::string sources = good;
  const auto heap = sources.find("GCOL");
  ASSERT_NE(heap, std::string::npos);
  ASSERT_EQ(sources[heap + 32], 0);
  sources[heap + 32] = 1;
  expect_newer(sources, {"/x", "VDS heap", "expected 0, got 1"});
}

TEST(Hdf5Brought, Endings) {
  for (const char* name : {"a.h5", "a.H5", "a.hdf5", "a.HDF5", "a.b/c.Hdf5"})
    EXPECT_TRUE(has_hdf5_extension(name)) << name;
  for (const char* name : {"a", ".h5", "ah5", "a.h5.txt", "a.hdf", "a.h5/b"})
    EXPECT_FALSE(has_hdf5_extension(name)) << name;
}

}  // namespace hdf5_brought_test
}  // namespace datus
