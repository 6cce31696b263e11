// SPDX-License-Identifier: Apache-2.0
#include "datus/model/weights.hpp"

#include "datus/core/error.hpp"
#include "datus/model/weight_branch.hpp"
#include "support/errors.hpp"
#include "support/golden.hpp"
#include "unit/model/weight_builders.hpp"

#include <algorithm>
#include <functional>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace datus::test {
namespace weights_test {

const std::string folder = "golden/vit/";

std::string read_error(const std::string& content) {
  return error_if_any<InputError>([&] { (void)read_weights(as_bytes(content), "FILE"); });
}

/// The tensors as text: equal for equal content.
std::map<std::string, std::vector<float>> values_of(const std::string& content) {
  std::map<std::string, std::vector<float>> result;
  for (const auto& tensor : read_weights(as_bytes(content), "FILE")) {
    auto& values = result[tensor.name + shape_text(tensor.shape)] = {};
    values = tensor.type == ElementType::f32 ? to_floats(tensor, "FILE") : std::vector<float>{};
  }
  return result;
}

TEST(Weights, SafetensorsHoldWhatTheirHeaderSays) {
  const auto golden = read_golden(folder + "dino_p16.safetensors");
  const auto read = load_plain(data_path(folder + "dino_p16.safetensors"));
  ASSERT_EQ(read.size(), golden.size());
  for (const auto& [name, tensor] : golden) {
    EXPECT_EQ(read.at(name).shape, tensor.shape) << name;
    EXPECT_EQ(read.at(name).values, tensor.as<float>()) << name;
  }
}

TEST(Weights, CheckpointEqualsSafetensors) {
  const auto expected = load_plain(data_path(folder + "dino_p16.safetensors"));
  const auto read = load_plain(data_path(folder + "dino_p16.pth"));
  ASSERT_EQ(read.size(), expected.size());
  for (const auto& [name, tensor] : expected) {
    EXPECT_EQ(read.at(name).shape, tensor.shape) << name;
    EXPECT_EQ(read.at(name).values, tensor.values) << name;
  }
}

TEST(Weights, OffsetsStridesAndSharedStorages) {
  const std::string pickle = "}(" + pickle_text("a") + pickle_tensor("0", 12, 2, {2, 3}, {1, 2}) + pickle_text("b") +
                             "ctorch._utils\n_rebuild_parameter\n(" + pickle_tensor("0", 12, 11, {1}, {1}) + "\x89" +
                             "ccollections\nOrderedDict\n)RtR" + pickle_text("empty") +
                             pickle_tensor("0", 12, 0, {0, 7}, {7, 1}) + pickle_text("scalar") +
                             pickle_tensor("0", 12, 5, {}, {}) + "u";
  std::vector<float> storage(12);
  for (std::size_t i = 0; i < storage.size(); ++i) storage[i] = static_cast<float>(i);
  const auto values = values_of(checkpoint_bytes(pickle, storage));
  EXPECT_EQ(values.at("a[2, 3]"), (std::vector<float>{2, 4, 6, 3, 5, 7}));
  EXPECT_EQ(values.at("b[1]"), (std::vector<float>{11}));
  EXPECT_TRUE(values.at("empty[0, 7]").empty());
  EXPECT_EQ(values.at("scalar[]"), (std::vector<float>{5}));
}

TEST(Weights, HalfPrecisionTypesAreConverted) {
  const std::string header =
      R"({"h":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},"b":{"dtype":"BF16","shape":[1],"data_offsets":[4,6]},)"
      R"("d":{"dtype":"F64","shape":[],"data_offsets":[6,14]},"i":{"dtype":"I16","shape":[1],"data_offsets":[14,16]}})";
  const std::string data = little_endian(std::uint16_t{0x3C00}) + little_endian(std::uint16_t{0xC500}) +
                           little_endian(std::uint16_t{0x4049}) + little_endian(-0.1) + little_endian(std::int16_t{3});
  const std::string content = safetensors_bytes(header, data);
  const auto tensors = read_weights(as_bytes(content), "FILE");
  ASSERT_EQ(tensors.size(), 4U);
  EXPECT_EQ(to_floats(tensors[0], "FILE"), (std::vector<float>{1.0F, -5.0F}));
  EXPECT_EQ(to_floats(tensors[1], "FILE"), (std::vector<float>{3.140625F}));
  EXPECT_EQ(to_floats(tensors[2], "FILE"), (std::vector<float>{-0.1F}));
  expect_part(error_if_any<InputError>([&] { (void)to_floats(tensors[3], "FILE"); }), "tensor i of FILE");
}

TEST(Weights, OtherTypesAreRefusedOnlyWhereNeeded) {
  const std::string header =
      R"({"a":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"F8_E5M2","shape":[1],"data_offsets":[2,3]},)"
      R"("c":{"dtype":"BOOL","shape":[1],"data_offsets":[3,4]},"d":{"dtype":"U16","shape":[2],"data_offsets":[4,8]},)"
      R"("e":{"dtype":"C64","shape":[1],"data_offsets":[8,16]},"f":{"dtype":"F32","shape":[1],"data_offsets":[16,20]}})";
  const std::string content = safetensors_bytes(header, std::string(20, '\0'));
  const auto tensors = read_weights(as_bytes(content), "FILE");
  ASSERT_EQ(tensors.size(), 6U);
  for (std::size_t i = 0; i < 5; ++i) {
    const std::string error = error_if_any<InputError>([&] { (void)to_floats(tensors[i], "FILE"); });
    expect_part(error, "cannot use tensor " + tensors[i].name + " of FILE (its type is ");
    expect_part(error, to_string(tensors[i].type));
  }
  EXPECT_EQ(to_floats(tensors[5], "FILE"), std::vector<float>{0});
}

TEST(Weights, QuantisedOnesAreTheIntegersThatNobodyTakes) {
  const std::string quantised = "ctorch._utils\n_rebuild_qtensor\n((" + pickle_text("storage") +
                                "ctorch\nQInt8Storage\n" + pickle_text("0") + pickle_text("cpu") + pickle_number(4) +
                                "tQ" + pickle_number(0) + pickle_numbers({2, 2}) + pickle_numbers({2, 1}) + "tR";
  const std::string content = checkpoint_bytes("}" + pickle_text("w") + quantised + "s", {1});
  const auto tensors = read_weights(as_bytes(content), "FILE");
  ASSERT_EQ(tensors.size(), 1U);
  EXPECT_EQ(tensors[0].shape, (std::vector<std::int64_t>{2, 2}));
  expect_part(error_if_any<InputError>([&] { (void)to_floats(tensors[0], "FILE"); }),
              "tensor w of FILE (its type is int8, as quantised weights have it)");
}

TEST(Weights, AreReadIntoRoomOfTheirSize) {
  const std::string content = safetensors_bytes({{"w", {{2}, {1.0F, 2.0F}}}});
  const auto tensors = read_weights(as_bytes(content), "FILE");
  std::vector<float> room(3, 7.0F);
  to_floats(tensors[0], std::span(room).first(2), "FILE");
  EXPECT_EQ(room, (std::vector<float>{1, 2, 7}));
  EXPECT_THROW(to_floats(tensors[0], room, "FILE"), SystemError);
  EXPECT_THROW(to_floats(tensors[0], std::span(room).first(1), "FILE"), SystemError);
}

TEST(Weights, ValuesThatAreNotFiniteAreRefused) {
  const std::string content = safetensors_bytes({{"w", {{2}, {1.0F, std::numeric_limits<float>::quiet_NaN()}}}});
  const auto tensors = read_weights(as_bytes(content), "FILE");
  expect_part(error_if_any<InputError>([&] { (void)to_floats(tensors[0], "FILE"); }),
              "tensor w holds a value that is not a finite");
}

TEST(Weights, DamagedSafetensorsAreRefused) {
  const auto refused = [](const std::string& header, const std::string& part) {
    expect_part(read_error(safetensors_bytes(header, std::string(8, 'x'))), part);
  };
  refused(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,16]}})", "truncated");
  refused(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", "does not fit its shape [3]");
  refused(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[8,4]}})", "does not fit");
  refused(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", "bytes follow the last tensor");
  refused(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", "gap or an overlap");
  refused(
      R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[1],"data_offsets":[7,8]}})",
      "gap or an overlap");
  refused(
      R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
      "the header names a twice");
  refused(R"({"a":{"dtype":"F7","shape":[2],"data_offsets":[0,8]}})", "unknown type \"F7\"");
  refused(R"({"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", "not a natural number");
  refused(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296,4],"data_offsets":[0,8]}})", "too large");
  refused(R"({"a":{"dtype":"F32","data_offsets":[0,8]}})", "no shape for a");
  refused(R"({"a":[1]})", "not an object");
  refused(R"({"a":[[[[[[1]]]]]]})", "nested too deeply");
  refused(R"({"a":)", "not JSON");
  refused(R"({"a\nb":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", "control characters");
  refused("{\"" + std::string(600, 'a') + "\":1}", "too long");
  expect_part(read_error(little_endian(std::uint64_t{1} << 62U) + "{}"),
              "inside the header of 4611686018427387904 bytes: truncated");
  const std::string spaces(std::size_t{17} << 20U, ' ');
  expect_part(read_error(safetensors_bytes("{" + spaces, "")), "the header has 17825793 bytes");
}

TEST(Weights, OtherFilesAreNamed) {
  expect_part(read_error("version https://git-lfs.github.com/spec/v1\n"), "Git LFS pointer");
  expect_part(read_error("<!DOCTYPE html><html>"), "a web page");
  expect_part(read_error(std::string(257, 'x') + "ustar"), "a tar archive");
  expect_part(read_error("\x80\x04}."), "a Python pickle that torch.save did not write");
  expect_part(read_error(R"({"weight_map": {}})"), "an index of parts");
  expect_part(read_error("hello, this is text"), "neither .safetensors nor");
  expect_part(read_error(zip_bytes({{"a/b", "c"}})), "no data.pkl");
  expect_part(read_error(zip_bytes({{"a/data.pkl", ""}, {"a/constants.pkl", ""}})), "TorchScript");
  // TorchScript compresses its code
  std::string script = zip_bytes({{"a/code/b.py", "..."}, {"a/data.pkl", ""}, {"a/constants.pkl", ""}});
  script.replace(script.find("PK\x01\x02") + 10, 2, little_endian(std::uint16_t{8}));
  expect_part(read_error(script), "TorchScript");
  expect_part(read_error(zip_bytes({{"cls_token.npy", ""}})), "a NumPy archive (.npz)");
  expect_part(read_error(zip_bytes({{"a/archive_format", "pt2"}})), "a program of torch.export");
  expect_part(read_error(std::string("\x93NUMPY\x01\x00", 8)), "one NumPy array");
  expect_part(read_error("\x89HDF\r\n\x1a\n"), "it is HDF5");
  expect_part(read_error("GGUF1234"), "it is GGUF");
  expect_part(read_error(checkpoint_bytes("}" + pickle_text("w") + "cnumpy.core.multiarray\n_reconstruct\n)Rs", {})),
              "it holds NumPy arrays and no tensors");
  expect_part(read_error(checkpoint_bytes("}" + pickle_text("w") + "ctorch.distributed.tensor\nDTensor\n)Rs", {})),
              "one rank's pieces of tensors");
  expect_part(error_if_any<InputError>([] { (void)WeightFile::open("/nonexistent/w.pth"); }),
              "/nonexistent/w.pth (there is no such file");
  expect_part(error_if_any<InputError>([] { (void)WeightFile::open("/dev/null"); }), "not a regular file but a device");
  const TemporaryFile empty("");
  expect_part(error_if_any<InputError>([&] { (void)WeightFile::open(empty.path()); }), "the file is empty");
}

/// A safetensors file with this header and data.
std::string with_header(const std::string& header, const std::string& data = "") {
  std::string size(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) size[i] = static_cast<char>((header.size() >> (8 * i)) & 0xFFU);
  return size + header + data;
}

// What takes time or memory beyond the size of the file would end this test by its limit.
TEST(Weights, LongHeadersTakeTimeInProportion) {
  std::string header = "{";
  for (int i = 0; i < 230'000; ++i) {
    header += (i == 0 ? "\"t" : ",\"t") + std::to_string(i) + R"(":{"dtype":"F32","shape":[0],"data_offsets":[0,0]})";
  }
  EXPECT_EQ(read_error(with_header(header + "}")), "no error");
  const auto refused = [](const std::string& text, const std::string& why) {
    EXPECT_NE(read_error(with_header(text)).find(why), std::string::npos) << why;
  };
  refused("{\"a\":" + std::string(5'000'000, '['), "nested too deeply");
  std::string empty_arrays;
  for (int i = 0; i < 3'000'000; ++i) empty_arrays += "[],";
  refused("{\"a\":[" + empty_arrays + "[]]}", "an array in the header is too long");
  std::string ones;
  for (int i = 0; i < 3'000'000; ++i) ones += "1,";
  refused(R"({"a":{"dtype":"F32","data_offsets":[0,4],"shape":[)" + ones + "1]}}",
          "an array in the header is too long");
}

TEST(Weights, EveryTruncationIsRefused) {
  for (const char* name : {"dino_p16.safetensors", "dino_p16.pth", "dino_p8_full_args.pth"}) {
    const std::string whole = bytes_of(data_path(folder + name));
    for (std::size_t part = 0; part < 50; ++part) {
      EXPECT_NE(read_error(whole.substr(0, whole.size() * part / 50)), "no error") << name << " " << part << "/50";
    }
    EXPECT_NE(read_error(whole.substr(0, whole.size() - 1)), "no error") << name;
    EXPECT_EQ(read_error(whole), "no error") << name;
  }
}

TEST(Weights, FlippedBytesOfACheckpointAreFoundOrHarmless) {
  const std::string whole = bytes_of(data_path(folder + "dino_p8_full_args.pth"));
  const auto expected = values_of(whole);
  std::mt19937 random(1);
  for (int i = 0; i < 2000; ++i) {
    std::string damaged = whole;
    // Half of the flips hit the directory at the end or the pickle at the beginning, where the structure is.
    const std::size_t structure = 12000;
    std::size_t at = random() % whole.size();
    if (i % 4 == 1) at = random() % structure;
    if (i % 4 == 2) at = whole.size() - 1 - random() % structure;
    damaged[at] = static_cast<char>(damaged[at] ^ static_cast<char>(1U << (random() % 8)));
    try {
      EXPECT_EQ(values_of(damaged), expected) << "byte " << at;
    } catch (const InputError&) {  // found
    }
  }
}

TEST(Weights, FlippedBytesOfASafetensorsHeaderDoNoHarm) {
  const std::string whole = bytes_of(data_path(folder + "dino_p16.safetensors"));
  std::mt19937 random(2);
  for (int i = 0; i < 2000; ++i) {
    std::string damaged = whole;
    damaged[random() % 2504] = static_cast<char>(random());
    if (i % 2 == 0) damaged[random() % 2504] = static_cast<char>(random());
    try {
      for (const auto& tensor : read_weights(as_bytes(damaged), "FILE")) (void)to_floats(tensor, "FILE");
    } catch (const InputError&) {  // found
    }
  }
}

/// Which tensors are taken of a file with these models, each a patch embedding and a token under a prefix.
std::string chosen(const std::vector<std::string>& prefixes, const std::string& branch = "auto",
                   const std::vector<std::string>& others = {}) {
  std::vector<WeightTensor> tensors;
  for (const auto& prefix : prefixes) {
    tensors.emplace_back().name = prefix + "cls_token";
    tensors.emplace_back().name = prefix + "patch_embed.proj.weight";
  }
  for (const auto& name : others) tensors.emplace_back().name = name;
  const WeightBranch found = choose_branch(tensors, branch, "FILE");
  std::string text;
  for (const auto& [name, tensor] : found.tensors) text += name + " = " + tensor->name + ", ";
  return text + "under " + found.prefix;
}
/// The text of `chosen` for a model of that prefix.
std::string model_under(const std::string& prefix, const std::string& stored) {
  return "cls_token = " + stored + "cls_token, patch_embed.proj.weight = " + stored +
         "patch_embed.proj.weight, under " + prefix;
}
std::string model_under(const std::string& prefix) {
  return model_under(prefix, prefix);
}

TEST(WeightBranch, EveryPrefixIsTakenOff) {
  for (const std::string prefix : {"", "teacher.backbone.", "state_dict.module.base_encoder.", "state_dict.encoder.",
                                   "ssl_model.teacher.", "a.b.c.", "vit."}) {
    EXPECT_EQ(chosen({prefix}), model_under(prefix));
  }
  EXPECT_EQ(chosen({"model."}, "auto", {"optimizer.state.0.exp_avg", "optimizer.exp_avg.patch_embed.proj.weight"}),
            model_under("model."));
}

TEST(WeightBranch, WrappersOfTrainingAreTakenOffAnywhere) {
  EXPECT_EQ(chosen({"_orig_mod."}), model_under("", "_orig_mod."));
  EXPECT_EQ(chosen({"state_dict.module._orig_mod."}),
            model_under("state_dict.module.", "state_dict.module._orig_mod."));
  EXPECT_EQ(chosen({"a._fsdp_wrapped_module._checkpoint_wrapped_module.b."}, "a._fsdp_wrapped_module"),
            model_under("a.b.", "a._fsdp_wrapped_module._checkpoint_wrapped_module.b."));
  std::vector<WeightTensor> tensors(2);
  tensors[0].name = "patch_embed.proj.weight";
  tensors[1].name = "blocks.0._checkpoint_wrapped_module.norm1._fsdp_wrapped_module.bias";
  EXPECT_TRUE(choose_branch(tensors, "auto", "FILE").has("blocks.0.norm1.bias"));
}

TEST(WeightBranch, TheModelThatIsEvaluatedIsTaken) {
  const auto taken = [](const std::string& wanted, const std::vector<std::string>& others) {
    std::vector<std::string> all = others;
    all.push_back(wanted);
    EXPECT_EQ(chosen(all), model_under(wanted));
    std::ranges::reverse(all);
    EXPECT_EQ(chosen(all), model_under(wanted));
  };
  taken("teacher.backbone.", {"student.backbone."});
  taken("teacher_backbone.", {"student_backbone."});
  taken("model.teacher.backbone.", {"model.student.backbone.", "model.gram_teacher.backbone."});
  taken("model_ema.module.", {"model."});
  taken("state_dict_ema.", {"state_dict."});
  taken("model_ema.backbone.", {"teacher.backbone.", "student.backbone."});
  taken("target_encoder.module.", {"encoder.module."});
  taken("online_encoder.", {"target_encoder."});
  taken("module.base_encoder.", {"module.momentum_encoder."});
  taken("backbone.", {"backbone_momentum."});
  taken("state_dict.", {"current_model_state."});
  taken("ema.", {""});
  EXPECT_EQ(chosen({"", "momentum_encoder."}), model_under(""));
  EXPECT_EQ(chosen({"state_dict.", "ema_state_dict.module."}), model_under("ema_state_dict.module."));
  EXPECT_EQ(chosen({"state_dict.", "ema_state_dict.module."}, "auto", {"ema_state_dict.steps"}),
            model_under("state_dict."));
}

// LitEma's names: the dots are gone, and what is not averaged is missing.
TEST(WeightBranch, AveragesWithoutDotsAreTaken) {
  const std::vector<std::string> average = {"model_ema.cls_token", "model_ema.patch_embedprojweight",
                                            "model_ema.blocks0norm1bias", "model_ema.decay"};
  EXPECT_EQ(
      chosen({"model."}, "auto", {average[0], average[1], average[2], "model.blocks.0.norm1.bias"}),
      "blocks.0.norm1.bias = model_ema.blocks0norm1bias, cls_token = model_ema.cls_token, patch_embed.proj.weight "
      "= model_ema.patch_embedprojweight, under model_ema.");
  EXPECT_EQ(chosen({"state_dict.model."}, "auto", {"state_dict." + average[1]}),
            "cls_token = state_dict.model.cls_token, patch_embed.proj.weight = "
            "state_dict.model_ema.patch_embedprojweight, under state_dict.model_ema.");
  EXPECT_EQ(chosen({""}, "auto", {average[1]}),
            "cls_token = cls_token, patch_embed.proj.weight = model_ema.patch_embedprojweight, under model_ema.");
  EXPECT_EQ(chosen({"model."}, "model", {average[1]}), model_under("model."));
  // Of a part that is no average the name stays.
  EXPECT_EQ(chosen({"model."}, "auto", {"other.patch_embedprojweight"}), model_under("model."));
}

TEST(WeightBranch, WhereNothingTellsItIsAskedFor) {
  const std::string error = error_if_any<InputError>([] { (void)chosen({"left.encoder.", "right.encoder."}); });
  expect_part(error, "FILE holds several models: left.encoder, right.encoder");
  expect_part(error, "Set model.branch");
  EXPECT_EQ(chosen({"left.encoder.", "right.encoder."}, "right"), model_under("right.encoder."));
  std::vector<WeightTensor> distilled(2);
  distilled[0].name = "teacher.patch_embed.proj.weight";
  distilled[0].shape = {1024, 3, 16, 16};
  distilled[1].name = "student.patch_embed.proj.weight";
  distilled[1].shape = {384, 3, 16, 16};
  expect_part(error_if_any<InputError>([&] { (void)choose_branch(distilled, "auto", "FILE"); }), "teacher, student");
}

TEST(WeightBranch, ANamedOneMayLieInsideOfOthers) {
  EXPECT_EQ(chosen({"student.module.", "teacher."}, "student"), model_under("student.module."));
  EXPECT_EQ(
      chosen({"state_dict.module.base_encoder.", "state_dict.module.momentum_encoder."}, "module.momentum_encoder"),
      model_under("state_dict.module.momentum_encoder."));
  EXPECT_EQ(chosen({"a.student.", "a.teacher.", "b.teacher."}, "a"), model_under("a.teacher."));
  expect_part(error_if_any<InputError>([&] { chosen({"teacher."}, "pupil"); }), "FILE has no branch pupil");
  expect_part(error_if_any<InputError>([&] { chosen({"teacher."}, "pupil"); }), "it has: teacher");
  expect_part(error_if_any<InputError>([&] { chosen({"teacher."}, "each"); }), "FILE has no branch each");
}

}  // namespace weights_test
}  // namespace datus::test
