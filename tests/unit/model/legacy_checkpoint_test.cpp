// SPDX-License-Identifier: Apache-2.0
// The format of torch.save before version 1.6, and what both formats of checkpoints share.

#include "model/weights/legacy_checkpoint.hpp"

#include "datus/model/weights.hpp"
#include "model/weights/checkpoint.hpp"
#include "support/errors.hpp"
#include "support/golden.hpp"
#include "unit/model/weight_builders.hpp"

#include <string>

#include <gtest/gtest.h>

namespace datus::test {
namespace legacy_checkpoint_test {

const std::string folder = "weights/";

std::string read_error(const std::string& content) {
  return error_if_any<InputError>([&] { (void)read_weights(as_bytes(content), "FILE"); });
}

/// The tensors of floating-point types; `others` counts the rest.
PlainTensors load_floats(const std::string& path, int& others) {
  const WeightFile file = WeightFile::open(path);
  PlainTensors result;
  for (const auto& tensor : file.tensors()) {
    if (element_size(tensor.type) == 1 || tensor.type > ElementType::bf16) {
      ++others;
    } else {
      result[tensor.name] = {tensor.shape, to_floats(tensor, path)};
    }
  }
  return result;
}

void expect_equal(const PlainTensors& read, const PlainTensors& expected) {
  ASSERT_EQ(read.size(), expected.size());
  for (const auto& [name, tensor] : expected) {
    ASSERT_TRUE(read.contains(name)) << name;
    EXPECT_EQ(read.at(name).shape, tensor.shape) << name;
    EXPECT_EQ(read.at(name).values, tensor.values) << name;
  }
}

TEST(LegacyCheckpoint, HoldsWhatTodaysFormatHolds) {
  const auto expected = load_plain(data_path(folder + "types.expected.safetensors"));
  for (const char* name : {"types.pth", "types_legacy.pth"}) {
    int others = 0;
    expect_equal(load_floats(data_path(folder + name), others), expected);
    EXPECT_EQ(others, 5) << name;
  }
}

TEST(LegacyCheckpoint, WhatOnlyOldVersionsWrote) {
  int others = 0;
  expect_equal(load_floats(data_path(folder + "old.pth"), others),
               load_plain(data_path(folder + "old.expected.safetensors")));
}

TEST(LegacyCheckpoint, StoragesFollowInTheOrderOfTheirKeys) {
  const std::string pickle = "}(" + pickle_text("a") + pickle_tensor("x", 2, 0, {2}, {1}) + pickle_text("b") +
                             pickle_tensor("y", 3, 1, {2}, {1}) + "u";
  const std::string content = legacy_head() + "\x80\x02" + pickle + "." + pickle_keys({"y", "x"}) +
                              legacy_storage({1, 2, 3}) + legacy_storage({4, 5});
  const auto tensors = read_weights(as_bytes(content), "FILE");
  ASSERT_EQ(tensors.size(), 2U);
  EXPECT_EQ(to_floats(tensors[0], "FILE"), (std::vector<float>{4, 5}));
  EXPECT_EQ(to_floats(tensors[1], "FILE"), (std::vector<float>{2, 3}));
}

/// A tensor whose storage has these fields after the tag.
std::string tensor_of(const std::string& storage_fields, const std::string& function = "_rebuild_tensor_v2",
                      const std::string& more = "") {
  return "ctorch._utils\n" + function + "\n((" + pickle_text("storage") + storage_fields + "tQ" + pickle_number(0) +
         pickle_numbers({2}) + pickle_numbers({1}) + more + "tR";
}
std::string whole(const std::string& tensor) {
  return "}" + pickle_text("w") + tensor + "s";
}
const std::string storage_fields = "ctorch\nFloatStorage\n" + pickle_text("0") + pickle_text("cpu");

TEST(LegacyCheckpoint, DamageIsNamed) {
  const std::vector<float> values(4);
  const auto sound = whole(pickle_tensor("0", 4, 0, {2}, {1}));
  const auto refused = [](const std::string& content, const std::string& part) {
    expect_part(read_error(content), "FILE (");
    expect_part(read_error(content), part);
  };
  const std::string body = "\x80\x02" + sound + ".";
  EXPECT_EQ(read_error(legacy_bytes(sound, values)), "no error");
  refused(legacy_head(1002) + body, "another version");
  refused(legacy_head(1001, false) + body, "big-endian");
  refused(legacy_head() + body, "it is cut off");
  refused(legacy_head() + body + "N.", "no list of its storages");
  refused(legacy_head() + body + pickle_keys({"1"}), "does not fit its tensors");
  refused(legacy_head() + body + pickle_keys({}), "it has no storage 0");
  refused(legacy_head() + body + pickle_keys({"0"}), "ends before storage 0: truncated");
  refused(legacy_bytes(sound, std::vector<float>(5)), "storage 0 has 5 elements, not the 4");
  refused(legacy_bytes(sound, values) + "x", "bytes follow the last storage");
  const std::string complete = legacy_bytes(sound, values);
  refused(complete.substr(0, complete.size() - 1), "ends inside of storage 0: truncated");
  refused(legacy_head() + body + pickle_keys({"0", "0"}) + legacy_storage(values) + legacy_storage(values), "twice");
  refused(legacy_bytes("}(" + pickle_text("a") + pickle_tensor("0", 4, 0, {2}, {1}) + pickle_text("b") +
                           pickle_tensor("0", 3, 0, {2}, {1}) + "u",
                       values),
          "storage 0 is described in two ways");
  const std::string unknown = "ctorch\nNibbleStorage\n" + pickle_text("0") + pickle_text("cpu") + pickle_number(4);
  refused(legacy_bytes(whole(tensor_of(unknown)), values), "unknown class NibbleStorage");
  constexpr std::size_t magic_and_version = 23;
  refused(legacy_head().substr(0, magic_and_version) + "\x80\x02N." + body, "does not say what system");
}

TEST(LegacyCheckpoint, PartsOfStorages) {
  const std::vector<float> values{1, 2, 3, 4, 5, 6};
  const auto part = [](const std::string& key, const std::string& begin, const std::string& size) {
    return whole(tensor_of(storage_fields + pickle_number(6) + "(" + key + begin + size + "t"));
  };
  const std::string content = legacy_bytes(part(pickle_text("v"), "K\x03", "K\x03"), values);
  EXPECT_EQ(to_floats(read_weights(as_bytes(content), "FILE")[0], "FILE"), (std::vector<float>{4, 5}));
  const auto refused = [&](const std::string& pickle, const std::string& problem) {
    expect_part(read_error(legacy_bytes(pickle, values)), problem);
  };
  refused(part(pickle_text("v"), "K\x03", "K\x04"), "a part that lies outside of storage 0");
  refused(part(pickle_text("v"), "K\x07", pickle_number(0)), "a part that lies outside of storage 0");
  refused(part(pickle_text("v"), "K\x05", "K\x01"), "larger than its storage");
  refused(part(pickle_text("v"), "K\x05", pickle_number(-1)), "not described as torch does");
  refused(part("", "K\x05", "K\x01"), "not described as torch does");
}

TEST(Checkpoint, TensorsOfTypesWithoutAStorageClass) {
  const auto read = [](const std::string& type, const std::string& count = pickle_number(8)) {
    const std::string fields = "ctorch.storage\nUntypedStorage\n" + pickle_text("0") + pickle_text("cpu") + count;
    return checkpoint_bytes(whole(tensor_of(fields, "_rebuild_tensor_v3", "\x89N" + type)), {1, 2});
  };
  const std::string floats = read("ctorch\nfloat32\n");
  EXPECT_EQ(to_floats(read_weights(as_bytes(floats), "FILE")[0], "FILE"), (std::vector<float>{1, 2}));
  const std::string eights = read("ctorch\nfloat8_e4m3fn\n");
  EXPECT_EQ(read_weights(as_bytes(eights), "FILE")[0].type, ElementType::f8_e4m3);
  expect_part(read_error(read("ctorch\nfloat64\n")), "larger than its storage");
  expect_part(read_error(read("N")), "has no type");
  expect_part(read_error(read("ctorch\nfloat9\n")), "no tensors in dictionaries");
  expect_part(read_error(read("ctorch\nfloat32\n", pickle_number(9))), "shorter than its 9 elements");
}

TEST(Checkpoint, AWholeModelIsNamedAsOne) {
  expect_part(read_error(checkpoint_bytes("cmodels\nViT\n)\x81}b", {1})), "a Python object, not a dictionary");
  expect_part(read_error(legacy_bytes("cmodels\nViT\n)\x81}b", {1})), "does not fit its tensors");
  expect_part(read_error(checkpoint_bytes("}", {1})), "no tensors in dictionaries");
}

TEST(Checkpoint, CallsInsideOfCallsEnd) {
  // A list that holds itself, as the arguments of the call that it is an argument of.
  const std::string from_type = "ctorch._tensor\n_rebuild_from_type_v2\n";
  expect_part(read_error(checkpoint_bytes(whole(from_type + "]q\x01(" + from_type + "Nh\x01" + "eR"), {1})),
              "no tensors in dictionaries");
  const std::string parameter = "ctorch._utils\n_rebuild_parameter\n";
  expect_part(read_error(checkpoint_bytes(whole(parameter + "]q\x01" + parameter + "h\x01RaR"), {1})),
              "no tensors in dictionaries");
}

}  // namespace legacy_checkpoint_test
}  // namespace datus::test
