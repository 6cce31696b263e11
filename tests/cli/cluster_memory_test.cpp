// SPDX-License-Identifier: Apache-2.0
#include "cli/plain_files.hpp"
#include "datus/core/half.hpp"
#include "datus/core/philox.hpp"

#include <chrono>
#include <csignal>
#include <cstdint>
#include <limits>
#include <regex>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

// `datus cluster` on rows that do not fit the memory it is given, and on matrices of several files.
namespace datus::test {
namespace cluster_memory_test {

namespace fs = std::filesystem;

constexpr std::int64_t dim = 96;
const std::string streams = "read again in each pass";

/// Blobs around a few points, with values that f16 holds.
std::vector<half> blobs(std::int64_t rows) {
  std::vector<half> values;
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t column = 0; column < dim; column += 4) {
      const auto words = philox({static_cast<std::uint32_t>(row), static_cast<std::uint32_t>(column), 0, 0}, {1, 0});
      for (const std::uint32_t word : words) {
        const auto noise = static_cast<float>(word >> 24U) / 256.0F;
        values.push_back(to_half(noise + 2.0F * static_cast<float>((row * 13 + column) % 7)));
      }
    }
  }
  return values;
}

class ClusterMemory : public testing::Test {
 protected:
  /// Rows [begin, end) of the matrix as /descriptor of a file.
  void write_rows(const fs::path& path, std::span<const half> all, std::int64_t begin, std::int64_t end,
                  const std::string& dataset = "descriptor") const {
    fs::create_directories(path.parent_path());
    const auto part = all.subspan(static_cast<std::size_t>(begin * dim), static_cast<std::size_t>((end - begin) * dim));
    write_hdf5(path, [&](Hdf5Writer& writer) {
      writer.write<half>(dataset, part, {end - begin, dim}, ChunkHint::about_one_mib);
    });
  }
  [[nodiscard]] Outcome cluster(const Arguments& descriptors, const Arguments& more = {},
                                const Launch& launch = {}) const {
    Arguments arguments = {"cluster", "--descriptors"};
    arguments.insert(arguments.end(), descriptors.begin(), descriptors.end());
    for (const std::string& argument :
         {std::string("--k"), std::string("5,3"), std::string("--out"), file("out.h5").string(), std::string("--set"),
          std::string("cluster.max_iterations=4")}) {
      arguments.push_back(argument);
    }
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments, launch);
  }
  [[nodiscard]] static Arguments memory(const std::string& size) { return {"--set", "cluster.memory=" + size}; }
  [[nodiscard]] fs::path file(const std::string& name) const { return folder_ / name; }
  [[nodiscard]] std::string name(const std::string& of_file) const { return file(of_file).string(); }

  /// What the program writes, once it is known to have ended well.
  [[nodiscard]] std::string output_of(const Outcome& outcome) const {
    EXPECT_EQ(outcome.code, 0) << outcome;
    return outcome.code == 0 ? bytes_of(file("out.h5")) : std::string();
  }

 private:
  TempFolder folder_;
};

/// The size that a refusal asks for.
std::string enough(const Outcome& refusal) {
  std::smatch match;
  if (!std::regex_search(refusal.err, match, std::regex("Set it to ([0-9]+MiB) or more"))) return "none";
  return match[1];
}

TEST_F(ClusterMemory, StreamedRowsGiveTheSameBytes) {
  // 48 MiB as f32: a third of it is far more than what the size of a process varies by.
  const std::vector<half> all = blobs(131072);
  write_rows(file("rows.h5"), all, 0, 131072);
  const Outcome in_memory = cluster({name("rows.h5")});
  const std::string expected = output_of(in_memory);
  EXPECT_EQ(in_memory.err.find(streams), std::string::npos) << in_memory;
  const Outcome roomy = cluster({name("rows.h5")}, memory("2GiB"));
  EXPECT_EQ(roomy.err.find(streams), std::string::npos) << roomy;
  EXPECT_TRUE(output_of(roomy) == expected);
  for (const int ranks : {0, 2, 3}) {
    SCOPED_TRACE(std::to_string(ranks) + " ranks");
    const Outcome refusal = cluster({name("rows.h5")}, memory("1MiB"), {.ranks = ranks});
    expect_refusal(refusal, 2, {"cluster.memory", "1.00 MiB", "too small", "MiB or more"});
    const Outcome streamed = cluster({name("rows.h5")}, memory(enough(refusal)), {.ranks = ranks});
    EXPECT_TRUE(output_of(streamed) == expected);
    EXPECT_NE(streamed.err.find(streams), std::string::npos) << streamed;
    if (ranks != 2) continue;
    // Each rank alone is a group, and holds all rows for one K. All fit by halves, but not as a whole.
    Arguments grouped = memory(std::to_string(std::stoi(enough(refusal)) + 30) + "MiB");
    grouped.insert(grouped.end(), {"--set", "cluster.groups=2"});
    const Outcome in_groups = cluster({name("rows.h5")}, grouped, {.ranks = ranks});
    EXPECT_TRUE(output_of(in_groups) == expected);
    const auto first = in_groups.err.find(streams);
    EXPECT_NE(first, std::string::npos) << in_groups;
    EXPECT_LT(in_groups.err.find("2 groups of ranks share 2 pairs"), first) << in_groups;
  }
}

TEST_F(ClusterMemory, SeveralFilesAreOneMatrix) {
  const std::vector<half> all = blobs(3000);
  write_rows(file("one.h5"), all, 0, 3000);
  const std::string expected = output_of(cluster({name("one.h5")}));
  // In byte order "B" is before "a", and "a10" before "a2".
  write_rows(file("parts/B.h5"), all, 0, 1000, "x/y");
  write_rows(file("parts/a10.h5"), all, 1000, 1001, "x/y");
  write_rows(file("parts/a2.h5"), all, 1001, 1001, "x/y");
  write_rows(file("parts/a3.h5"), all, 1001, 3000, "x/y");
  write_rows(file("parts/.hidden.h5"), all, 0, 50, "x/y");
  write_rows(file("parts/deeper/c.h5"), all, 0, 50, "x/y");
  write_bytes(file("parts/notes.txt"), "no rows");
  write_hdf5(file("virtual.h5"), [&](Hdf5Writer& writer) {
    const std::vector<VirtualSource> sources = {
        {"parts/B.h5", "/x/y", 1000}, {"parts/a10.h5", "/x/y", 1}, {"parts/a3.h5", "/x/y", 1999}};
    writer.write_virtual("all", Dtype::f16, {dim}, sources);
  });
  const std::string dataset = ":/x/y";
  const std::vector<Arguments> forms = {
      {name("parts") + dataset},
      {name("parts/B.h5") + dataset, name("parts/a10.h5") + dataset, name("parts/a3.h5") + dataset},
      {name("virtual.h5") + ":/all"}};
  for (const Arguments& form : forms) {
    const Outcome outcome = cluster(form, {}, {.ranks = form == forms.front() ? 3 : 0});
    EXPECT_TRUE(output_of(outcome) == expected) << form.front();
  }
  // The same for rows that are only assigned.
  std::string assigned;
  for (Arguments form : {Arguments{name("one.h5")}, forms[1]}) {
    form.insert(form.begin(), {"cluster", "--assign"});
    form.insert(form.end(), {"--centroids", name("out.h5") + ":/k005/centroids", "--out", name("assigned.h5")});
    const Outcome outcome = run_program(form, {.ranks = assigned.empty() ? 0 : 2});
    ASSERT_EQ(outcome.code, 0) << outcome;
    if (assigned.empty()) assigned = bytes_of(file("assigned.h5"));
    EXPECT_TRUE(bytes_of(file("assigned.h5")) == assigned) << form[2];
    EXPECT_EQ(Hdf5Reader(file("assigned.h5")).read<std::int32_t>("assignment"),
              Hdf5Reader(file("out.h5")).read<std::int32_t>("/k005/assignment"));
  }
}

TEST_F(ClusterMemory, UnusableFilesAreNamed) {
  const std::vector<half> all = blobs(300);
  write_rows(file("good.h5"), all, 0, 300);
  write_hdf5(file("bad.h5"), [&](Hdf5Writer& writer) {
    const std::vector<std::string> words = {"these", "are", "words"};
    writer.write_names("text", words);
    writer.write<float>("narrow", std::vector<float>(64, 1.0F), {8, 8});
    writer.write<float>("empty", {}, {0, dim});
  });
  write_bytes(file("none/notes.txt"), "no rows");
  write_rows(file("mixed/a.h5"), all, 0, 300, "x");
  write_hdf5(file("mixed/b.h5"), [](Hdf5Writer& writer) { writer.write<float>("y", {}, {0, dim}); });
  write_rows(file("rowless/a.h5"), all, 0, 0);
  const auto refuse = [&](const Arguments& descriptors, int ranks, const std::vector<std::string>& words) {
    const Launch launch = {.ranks = ranks, .limit = std::chrono::seconds(60)};
    expect_refusal(cluster(descriptors, {}, launch), 3, words);
    EXPECT_FALSE(fs::exists(file("out.h5")));
  };
  refuse({name("none")}, 3, {name("none"), "*.h5"});
  refuse({name("missing.h5")}, 0, {"missing.h5", "no such file"});
  // Rank 1 looks at the second file.
  refuse({name("good.h5"), name("bad.h5")}, 3, {"bad.h5", "/descriptor", "/narrow"});
  refuse({name("good.h5"), name("bad.h5") + ":/text"}, 0, {"bad.h5", "/text"});
  refuse({name("good.h5"), name("bad.h5") + ":/empty"}, 0, {"bad.h5", "/empty", "[0, 96]"});
  refuse({name("good.h5"), name("bad.h5") + ":/narrow"}, 0, {"good.h5", "bad.h5", "/narrow", "96", "8"});
  refuse({name("mixed") + ":/x"}, 0, {"b.h5", "/x", "/y"});
  refuse({name("rowless")}, 0, {"rowless", "nothing"});
}

TEST_F(ClusterMemory, TheFirstRowThatIsNotFiniteIsNamed) {
  std::vector<half> all = blobs(98304);
  const auto nan = to_half(std::numeric_limits<float>::quiet_NaN());
  all[static_cast<std::size_t>(70000 * dim + 5)] = nan;
  all[static_cast<std::size_t>(98303 * dim)] = to_half(std::numeric_limits<float>::infinity());
  write_rows(file("a.h5"), all, 0, 30000, "x");
  write_rows(file("b.h5"), all, 30000, 98304, "x");
  const Arguments descriptors = {name("a.h5") + ":/x", name("b.h5") + ":/x"};
  for (const int ranks : {0, 3}) {
    const Launch launch = {.ranks = ranks, .limit = std::chrono::seconds(60)};
    const std::string size = enough(cluster(descriptors, memory("1MiB"), launch));
    for (const Arguments& more : {memory("auto"), memory(size)}) {
      if (ranks == 3 && more == memory("auto")) continue;
      const Outcome outcome = cluster(descriptors, more, launch);
      expect_refusal(outcome, 3, {"/x of " + name("b.h5"), "not finite", "(row 40000)"});
      EXPECT_EQ(outcome.err.find(streams) != std::string::npos, more == memory(size)) << outcome;
    }
  }
}

// A small file that stands for a quarter of a billion rows, over which a single pass takes long.
TEST_F(ClusterMemory, ASignalEndsAPassOverManyRows) {
  write_hdf5(file("some.h5"), [](Hdf5Writer& writer) {
    std::vector<float> values(std::size_t{8} << 18U);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 1000);
    writer.write<float>("x", values, {1 << 18, 8});
  });
  write_hdf5(file("many.h5"), [](Hdf5Writer& writer) {
    const std::vector<VirtualSource> sources(1024, {.file = "some.h5", .dataset = "/x", .rows = 1 << 18});
    writer.write_virtual("descriptor", Dtype::f32, {8}, sources);
  });
  // In the midst of a pass, and while the rows are read into memory.
  for (const auto& [size, delay] : {std::pair("auto", 2000), std::pair("14GiB", 500)}) {
    Process process(command_line({"cluster", "--descriptors", name("many.h5"), "--k", "2", "--out", name("o.h5"),
                                  "--set", "run.grace=0", "--set", std::string("cluster.memory=") + size}),
                    file(".").parent_path());
    std::this_thread::sleep_for(std::chrono::milliseconds(delay));
    ASSERT_TRUE(process.running()) << process.wait(std::chrono::seconds(0));
    process.send(SIGTERM);
    const Outcome outcome = process.wait(std::chrono::seconds(20));
    EXPECT_EQ(outcome.code, 75) << size << ": " << outcome;
    EXPECT_NE(outcome.err.find("a signal asked for a stop"), std::string::npos) << outcome;
  }
}

}  // namespace cluster_memory_test
}  // namespace datus::test
