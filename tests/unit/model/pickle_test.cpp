// SPDX-License-Identifier: Apache-2.0
#include "model/weights/pickle.hpp"

#include "datus/core/error.hpp"
#include "model/weights/checkpoint.hpp"
#include "model/weights/zip_archive.hpp"
#include "support/errors.hpp"
#include "unit/model/weight_builders.hpp"

#include <cstdio>
#include <filesystem>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace datus::test {
namespace pickle_test {

std::string error_of(const std::string& pickle) {
  return error_if_any<InputError>([&] { (void)Pickle::read(as_bytes(pickle), "FILE"); });
}

std::string checkpoint_error(const std::string& pickle, const std::vector<float>& storage = std::vector<float>(12)) {
  return error_if_any<InputError>([&] { (void)read_checkpoint(as_bytes(checkpoint_bytes(pickle, storage)), "FILE"); });
}

template <class T>
T value_of(const std::string& pickle) {
  const auto read = Pickle::read(as_bytes(pickle), "FILE");
  const T* value = read.as<T>(read.root());
  return value == nullptr ? T{} : *value;
}

TEST(Pickle, Numbers) {
  EXPECT_EQ(value_of<std::int64_t>("\x80\x02J" + little_endian(std::int32_t{-7}) + "."), -7);
  EXPECT_EQ(value_of<std::int64_t>("K\xFF."), 255);
  EXPECT_EQ(value_of<std::int64_t>("M\x01\x02."), 513);
  EXPECT_EQ(value_of<std::int64_t>(std::string("\x8a\x02\x00\xFF.", 5)), -256);
  EXPECT_EQ(value_of<std::int64_t>(std::string("\x8a\x00.", 3)), 0);
  EXPECT_EQ(value_of<std::int64_t>("\x8a\x08" + little_endian(std::int64_t{-1} << 62U) + "."), std::int64_t{-1} << 62U);
  EXPECT_EQ(value_of<double>(std::string("G\x3F\xF8\0\0\0\0\0\0.", 10)), 1.5);
  EXPECT_TRUE(value_of<bool>("\x88."));
}

TEST(Pickle, ContainersMemoAndMarks) {
  const std::string text = "}(" + pickle_text("k") + "q\x05](K\x01K\x02" + "eh\x05K\x03u.";
  const auto pickle = Pickle::read(as_bytes(text), "FILE");
  const auto& items = pickle.as<Pickle::Dictionary>(pickle.root())->items;
  ASSERT_EQ(items.size(), 2U);
  EXPECT_EQ(items[0].first, items[1].first);  // the memo gives the same value, not a copy
  EXPECT_EQ(pickle.as<Pickle::Sequence>(items[0].second)->items.size(), 2U);
  EXPECT_EQ(*pickle.as<std::string_view>(items[0].first), "k");
}

TEST(Pickle, CallsAreNeverMade) {
  const auto marker = std::filesystem::temp_directory_path() / "datus_pickle_was_executed";
  std::filesystem::remove(marker);
  const std::string command = pickle_text("touch " + marker.string());
  const std::string system = "cos\nsystem\n";
  for (const std::string& call :
       {system + command + "\x85R", "cposix\nsystem\n(" + command + "tR",
        pickle_text("os") + pickle_text("system") + "\x93" + command + "\x85R", system + command + "\x85\x81}b",
        system + command + "\x85}\x92", "ccopyreg\n_reconstructor\n(" + system + command + "tR(" + command + "tb"}) {
    const std::string text = "\x80\x02" + call + ".";
    const auto pickle = Pickle::read(as_bytes(text), "FILE");
    const auto* object = pickle.as<Pickle::Object>(pickle.root());
    ASSERT_NE(object, nullptr);
    EXPECT_NE(pickle.as<Pickle::Global>(object->callable), nullptr);
    // Beside a tensor, as a key, and in the place of a dictionary, of a storage and of a tensor's arguments.
    const std::string tensor = pickle_tensor("0", 12, 0, {2}, {1});
    const std::string weights = "(" + pickle_text("x") + call + call + tensor + pickle_text("w") + tensor + "u";
    const std::vector<float> storage(12);
    EXPECT_EQ(read_weights(as_bytes(checkpoint_bytes("}" + weights, storage)), "FILE").size(), 1U);
    EXPECT_EQ(read_weights(as_bytes(legacy_bytes("}" + weights, storage)), "FILE").size(), 1U);
    EXPECT_THROW((void)read_weights(as_bytes(checkpoint_bytes(call + weights, storage)), "FILE"), InputError);
    for (const std::string& broken : {"ctorch._utils\n_rebuild_tensor_v2\n(" + call + "K\x01K\x01K\x01tR",
                                      "ctorch._utils\n_rebuild_tensor_v2\n(" + call + "QK\x01K\x01K\x01tR"}) {
      EXPECT_THROW((void)read_weights(as_bytes(checkpoint_bytes("}K\x01" + broken + "s", storage)), "FILE"),
                   InputError);
    }
  }
  EXPECT_FALSE(std::filesystem::exists(marker));
}

TEST(Pickle, OpcodesThatOnlyOtherPicklesNeedAreRefused) {
  // Registered extensions, instances of protocol 0 and 1, text persistent ids, buffers outside of the pickle.
  for (const std::string& opcode :
       {std::string("\x82\x01"), std::string("\x83\x01\x01"), std::string("\x84\x01\x01\x01\x01"),
        std::string("(ios\nsystem\n"), std::string("(cos\nsystem\nX\x01\0\0\0ao", 19), std::string("Pstorage\n"),
        std::string("\x97"), std::string("\x98"), std::string("S'text'\n"), std::string("F1.5\n")}) {
    expect_part(error_of("\x80\x02N" + opcode + "."), "is not one that weights use");
  }
}

TEST(Pickle, DamageIsNamed) {
  expect_part(error_of("\x80\x02"), "it is cut off");
  expect_part(error_of("."), "its stack runs empty");
  expect_part(error_of("K\x01(."), "its stack runs empty");
  expect_part(error_of("h\x01."), "refers to a value that it has not defined");
  expect_part(error_of("t."), "a mark is missing");
  expect_part(error_of("K\x01K\x02K\x03s."), "no dictionary");
  expect_part(error_of("}(K\x01u."), "a key has no value");
  expect_part(error_of("I1\n."), "opcode 73");
  expect_part(error_of("\x80\x07N."), "newer than 5");
  expect_part(error_of(std::string("X\xFF\xFF\xFF\x7F") + "abc."), "it is cut off");
  expect_part(error_of("K\x01K\x02\x93."), "not named by text");
}

TEST(Pickle, BombsEndInAnError) {
  expect_part(error_of(std::string(100000, '(') + "."), "nested too deeply");
  expect_part(error_of(std::string(2000000, 'N') + "."), "too many values");
  std::string puts = "N";
  for (std::uint32_t i = 0; i < 1100000; ++i) puts += std::string("r") + little_endian(i);
  expect_part(error_of(puts + "."), "too many values");
  // A chain of 100,000 parameters of parameters costs no stack.
  std::string chain;
  for (int i = 0; i < 100000; ++i) chain += "ctorch._utils\n_rebuild_parameter\n";
  chain += "N";
  for (int i = 0; i < 100000; ++i) chain += "\x85R";
  expect_part(checkpoint_error(std::string("}") + pickle_text("w") + chain + "s"), "no tensors");
  // Twenty levels, each holding the one below twice: a million leaves from 200 bytes.
  std::string tree = pickle_tensor("0", 12, 0, {2}, {1}) + "q\x01";
  for (int level = 0; level < 20; ++level) tree += "}(" + pickle_text("a") + "h\x01" + pickle_text("b") + "h\x01uq\x01";
  expect_part(checkpoint_error(tree), "nested too deeply");
  std::string wide = pickle_tensor("0", 12, 0, {2}, {1}) + "q\x01";
  for (int level = 0; level < 6; ++level) {
    wide += "}(";
    for (char key = 'A'; key <= 'Z'; ++key) wide += pickle_text({key}) + "h\x01";
    wide += "uq\x01";
  }
  expect_part(checkpoint_error(wide), "too many entries");
}

TEST(Checkpoint, TensorsMustFitTheirStorage) {
  const auto refused = [](const std::string& tensor, const std::string& part) {
    expect_part(checkpoint_error(std::string("}") + pickle_text("w") + tensor + "s"), part);
  };
  refused(pickle_tensor("0", 13, 0, {2}, {1}), "shorter than its 13 elements");
  refused(pickle_tensor("0", 12, 0, {13}, {1}), "larger than its storage");
  refused(pickle_tensor("0", 12, 0, {13, 1}, {0, 0}), "larger than its storage");
  refused(pickle_tensor("0", 12, 11, {2}, {1}), "lies outside of its storage");
  refused(pickle_tensor("0", 12, 12, {1}, {1}), "lies outside of its storage");
  refused(pickle_tensor("0", 12, 0, {2, 2}, {11, 1}), "lies outside of its storage");
  refused(pickle_tensor("0", 12, 0, {2, 2}, {1}), "another number of strides");
  refused(pickle_tensor("0", 12, -1, {2}, {1}), "no valid offset");
  refused(pickle_tensor("0", 12, 0, {-2}, {1}), "no valid shape");
  refused(pickle_tensor("9", 12, 0, {2}, {1}), "no entry a/data/9");
  refused("ctorch._utils\n_rebuild_tensor_v2\n)R", "not described fully");
  refused("ctorch._utils\n_rebuild_tensor_v2\n(K\x01K\x01K\x01K\x01tR", "has no storage");
}

TEST(Checkpoint, RandomPicklesNeverCrash) {
  // Bytes that are opcodes more often than not, so that the machine gets somewhere.
  const std::string alphabet = std::string("()}]{K\x01q\x01h\x01tuseaRQN\x85\x86\x87\x88\x81\x94") + "b02";
  std::mt19937 random(3);
  for (int i = 0; i < 20000; ++i) {
    std::string text = "\x80\x02";
    const std::size_t size = random() % 40;
    for (std::size_t k = 0; k < size; ++k) {
      text += random() % 20 == 0 ? static_cast<char>(random()) : alphabet[random() % alphabet.size()];
    }
    (void)error_of(text + ".");
  }
}

TEST(ZipArchive, WrongSizesAndPlacesAreRefused) {
  const std::string sound = zip_bytes({{"a/data.pkl", "12345678"}, {"a/data/0", "abcd"}});
  EXPECT_EQ(ZipArchive(as_bytes(sound), "FILE").entries().size(), 2U);
  const std::size_t directory = sound.find("PK\x01\x02");
  const auto error_with = [&](std::size_t at, const std::string& bytes) {
    std::string damaged = sound;
    damaged.replace(at, bytes.size(), bytes);
    return error_if_any<InputError>([&] { (void)ZipArchive(as_bytes(damaged), "FILE").read("a/data.pkl"); });
  };
  const auto size = [](std::uint32_t value) { return little_endian(value); };
  expect_part(error_with(directory + 20, size(9) + size(9)), "another size in its own header");
  expect_part(error_with(directory + 20, size(9)), "its sizes do not agree");
  expect_part(error_with(directory + 20, size(0xFFFFFFFF) + size(0xFFFFFFFF)), "another size in its own header");
  expect_part(error_with(directory + 10, little_endian(std::uint16_t{8})), "compressed or encrypted");
  expect_part(error_with(directory + 42, size(1)), "not where the directory says");
  expect_part(error_with(directory + 46, "b"), "another name in its own header");
  expect_part(error_with(directory + 28, little_endian(std::uint16_t{60000})), "cut off");
  expect_part(error_with(directory, "XX"), "damaged entry");
  expect_part(error_with(sound.size() - 10, size(1)), "does not end where");
  expect_part(error_with(sound.size() - 12, little_endian(std::uint16_t{60000})), "too small for its number");
  expect_part(error_with(sound.size() - 12, little_endian(std::uint16_t{1})), "bytes after its last entry");
  expect_part(error_with(40, "X"), "checksum of zip entry a/data.pkl");
}

TEST(ZipArchive, OverlappingEntriesAreRefused) {
  const std::string inner = zip_bytes({{"b", "abcd"}}).substr(0, 35);  // header, name and data of b
  std::string archive = zip_bytes({{"a", inner}, {"b", "abcd"}});
  const std::size_t b_in_directory = archive.rfind("PK\x01\x02");
  const std::uint32_t inside_a = 31;
  archive.replace(b_in_directory + 42, 4, little_endian(inside_a));
  expect_error<InputError>([&] { const ZipArchive read(as_bytes(archive), "FILE"); }, {"overlap"});
}

TEST(ZipArchive, Zip64FieldsReplaceTheShortOnes) {
  const std::string content = "abcd";
  const auto size = little_endian(std::uint64_t{content.size()});
  const std::string full(8, '\xFF');
  const auto tag = [](std::uint16_t bytes) { return little_endian(std::uint16_t{1}) + little_endian(bytes); };
  const std::string fixed =
      std::string(8, '\0') + little_endian(crc32(as_bytes(content))) + full + little_endian(std::uint16_t{1});
  const std::string file = "PK\x03\x04" + little_endian(std::uint16_t{45}) + fixed + little_endian(std::uint16_t{20}) +
                           "a" + tag(16) + size + size + content;
  const auto archive = [&](const std::string& offset, std::uint16_t bytes) {
    const std::string directory = "PK\x01\x02" + std::string(4, '\0') + fixed + little_endian(std::uint16_t{28}) +
                                  std::string(10, '\0') + full.substr(0, 4) + "a" + tag(bytes) + size + size + offset;
    const auto one = little_endian(std::uint64_t{1});
    const std::uint64_t end = file.size() + directory.size();
    return file + directory + "PK\x06\x06" + std::string(20, '\0') + one + one +
           little_endian(std::uint64_t{directory.size()}) + little_endian(std::uint64_t{file.size()}) + "PK\x06\x07" +
           std::string(4, '\0') + little_endian(end) + std::string(4, '\0') + "PK\x05\x06" + full + full +
           std::string(2, '\0');
  };
  const std::string sound = archive(little_endian(std::uint64_t{0}), 24);
  EXPECT_EQ(ZipArchive(as_bytes(sound), "FILE").read("a").size(), content.size());
  const std::string far = archive(little_endian(std::uint64_t{1} << 63U), 24);
  EXPECT_THROW(ZipArchive(as_bytes(far), "FILE"), InputError);
  const std::string short_field = archive(little_endian(std::uint64_t{0}), 16);
  EXPECT_THROW(ZipArchive(as_bytes(short_field), "FILE"), InputError);
}

TEST(ZipArchive, ChecksumIsTheStandardOne) {
  EXPECT_EQ(crc32(as_bytes("123456789")), 0xCBF43926U);
  EXPECT_EQ(crc32(as_bytes("")), 0U);
  EXPECT_EQ(crc32(as_bytes("The quick brown fox jumps over the lazy dog")), 0x414FA339U);
}

}  // namespace pickle_test
}  // namespace datus::test
