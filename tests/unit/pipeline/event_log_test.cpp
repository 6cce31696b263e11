// SPDX-License-Identifier: Apache-2.0
#include "pipeline/session/event_log.hpp"

#include "support/temp_folder.hpp"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace datus {
namespace event_log_test {

using Json = nlohmann::ordered_json;
using test::TempFolder;

std::vector<std::string> lines_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

/// While it lives, files of this process may not grow beyond `bytes`: a disk that gets full.
class FullDisk {
 public:
  explicit FullDisk(std::uint64_t bytes) {
    previous_handler_ = std::signal(SIGXFSZ, SIG_IGN);
    EXPECT_EQ(::getrlimit(RLIMIT_FSIZE, &before_), 0);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  }
  ~FullDisk() {
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &before_), 0);
    (void)std::signal(SIGXFSZ, previous_handler_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;
  FullDisk(FullDisk&&) = delete;
  FullDisk& operator=(FullDisk&&) = delete;

 private:
  rlimit before_{};
  void (*previous_handler_)(int) = nullptr;
};

TEST(EventLog, WritesOneObjectPerLineWithTimeAndEventFirst) {
  const TempFolder folder;
  const auto path = folder / "log" / "launch" / "rank0003.jsonl";  // makes the folders
  EventLog log(path);
  log.write("start");
  log.write("shard", {{"shard", 12}, {"seconds", 0.5}, {"name", "a\nb\"c"}, {"images", {1, 2}}});
  const auto lines = lines_of(path);
  ASSERT_EQ(lines.size(), 2U);
  std::string shape = lines[0];
  std::replace_if(
      shape.begin(), shape.end(), [](unsigned char c) { return std::isdigit(c) != 0; }, '9');
  EXPECT_EQ(shape, R"({"time":"9999-99-99T99:99:99.999Z","event":"start"})");
  const std::string end = R"(Z","event":"shard","shard":12,"seconds":0.5,"name":"a\nb\"c","images":[1,2]})";
  EXPECT_TRUE(lines[1].ends_with(end)) << lines[1];
  EXPECT_TRUE(test::bytes_of(path).ends_with("}\n"));
}

TEST(EventLog, GivesTheTimeInUtcWhateverTheTimeZone) {
  const TempFolder folder;
  const char* before = std::getenv("TZ");
  const std::string zone = before == nullptr ? "" : before;
  ASSERT_EQ(::setenv("TZ", "XXX-7:30", 1), 0);
  ::tzset();
  using std::chrono::system_clock;
  const auto earliest = std::chrono::floor<std::chrono::milliseconds>(system_clock::now());
  EventLog(folder / "a.jsonl").write("now");
  const auto latest = system_clock::now();
  before == nullptr ? ::unsetenv("TZ") : ::setenv("TZ", zone.c_str(), 1);
  ::tzset();
  const std::string text = Json::parse(lines_of(folder / "a.jsonl").at(0)).at("time");
  std::tm parts{};
  ASSERT_STREQ(::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts), text.substr(19).c_str());
  const auto time =
      system_clock::from_time_t(::timegm(&parts)) + std::chrono::milliseconds(std::stoi(text.substr(20, 3)));
  EXPECT_GE(time, earliest);
  EXPECT_LE(time, latest);
}

TEST(EventLog, ReplacesBytesThatAreNotUtf8AndNumbersThatAreNotFinite) {
  const TempFolder folder;
  EventLog log(folder / "a.jsonl");
  Json fields = {{"image", "caf\xe9.png"}, {"nan", std::numeric_limits<double>::quiet_NaN()}};
  fields["infinite"] = -std::numeric_limits<double>::infinity();
  fields["na\xffme"] = 1;
  log.write("bad \xc3 event", fields);
  const auto line = Json::parse(lines_of(folder / "a.jsonl").at(0));
  EXPECT_EQ(line.at("event"), "bad \xef\xbf\xbd event");
  EXPECT_EQ(line.at("image"), "caf\xef\xbf\xbd.png");
  EXPECT_EQ(line.at("na\xef\xbf\xbdme"), 1);
  EXPECT_TRUE(line.at("nan").is_null());
  EXPECT_TRUE(line.at("infinite").is_null());
}

TEST(EventLog, ItsOwnTimeAndEventWin) {
  const TempFolder folder;
  EventLog(folder / "a.jsonl").write("mine", {{"event", "yours"}, {"time", 5}, {"k", 27}});
  const auto line = lines_of(folder / "a.jsonl").at(0);
  EXPECT_EQ(count_of(line, "\"event\":"), 1U);
  EXPECT_EQ(count_of(line, "\"time\":"), 1U);
  EXPECT_EQ(Json::parse(line).at("event"), "mine");
  EXPECT_TRUE(Json::parse(line).at("time").is_string());
  EXPECT_EQ(Json::parse(line).at("k"), 27);
}

TEST(EventLog, GoesOnAfterWhatTheFileHolds) {
  const TempFolder folder;
  EventLog(folder / "a.jsonl").write("first");
  EventLog(folder / "a.jsonl").write("second");
  const auto lines = lines_of(folder / "a.jsonl");
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(Json::parse(lines[0]).at("event"), "first");
  EXPECT_EQ(Json::parse(lines[1]).at("event"), "second");
}

TEST(EventLog, KeepsEachLineWholeUnderManyThreads) {
  constexpr int threads = 4;
  constexpr int events = 500;
  const TempFolder folder;
  {
    EventLog log(folder / "a.jsonl");
    std::vector<std::jthread> writers;
    for (int t = 0; t < threads; ++t) {
      writers.emplace_back([&log, t] {
        const std::string long_text(static_cast<std::size_t>(t) * 700 + 1, 'x');
        for (int i = 0; i < events; ++i) log.write("event", {{"thread", t}, {"i", i}, {"text", long_text}});
      });
    }
  }
  std::vector<int> next(threads, 0);
  const auto lines = lines_of(folder / "a.jsonl");
  ASSERT_EQ(lines.size(), static_cast<std::size_t>(threads * events));
  for (const auto& text : lines) {
    const auto line = Json::parse(text);
    EXPECT_EQ(line.at("time").get<std::string>().size(), 24U);
    EXPECT_EQ(line.at("i"), next[line.at("thread").get<std::size_t>()]++);
  }
}

TEST(EventLog, IsThereAfterTheProcessWasKilled) {
  const TempFolder folder;
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    EventLog log(folder / "a.jsonl");
    log.write("before");
    (void)std::raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  ASSERT_EQ(lines_of(folder / "a.jsonl").size(), 1U);
}

TEST(EventLog, WritesNowhereByDefaultAndAfterAMove) {
  const TempFolder folder;
  EventLog none;
  EXPECT_NO_THROW(none.write("lost", {{"a", 1}}));
  EventLog log(folder / "a.jsonl");
  none = std::move(log);
  none.write("kept");
  log.write("lost");  // NOLINT(bugprone-use-after-move): what the interface promises
  EXPECT_EQ(lines_of(folder / "a.jsonl").size(), 1U);
}

TEST(EventLog, WarnsOnceOfAFullDeviceAndGoesOn) {
  testing::internal::CaptureStderr();
  EventLog log("/dev/full");
  for (int i = 0; i < 100; ++i) EXPECT_NO_THROW(log.write("event", {{"i", i}}));
  const std::string warning = testing::internal::GetCapturedStderr();
  EXPECT_EQ(count_of(warning, "\n"), 1U) << warning;
  EXPECT_NE(warning.find("/dev/full"), std::string::npos) << warning;
  EXPECT_NE(warning.find("No space left"), std::string::npos) << warning;
}

TEST(EventLog, WarnsOnceOfAPlaceThatCannotBe) {
  const TempFolder folder;
  test::write_bytes(folder / "file", "in the way");
  std::filesystem::create_directories(folder / "folder.jsonl");
  for (const auto& path : {folder / "file" / "log" / "a.jsonl", folder / "folder.jsonl", std::filesystem::path()}) {
    testing::internal::CaptureStderr();
    EventLog log(path);
    for (int i = 0; i < 3; ++i) EXPECT_NO_THROW(log.write("event"));
    const std::string warning = testing::internal::GetCapturedStderr();
    EXPECT_EQ(count_of(warning, "\n"), 1U) << warning;
    EXPECT_NE(warning.find(path.string()), std::string::npos) << warning;
  }
}

TEST(EventLog, GoesOnSilentlyWhenItsFolderIsTakenAway) {
  const TempFolder folder;
  EventLog log(folder / "log" / "a.jsonl");
  log.write("before");
  std::filesystem::remove_all(folder / "log");
  EXPECT_NO_THROW(log.write("after"));
}

TEST(EventLog, ALineThatADiskTookHalfOfSpoilsNoOther) {
  const TempFolder folder;
  const auto path = folder / "a.jsonl";
  testing::internal::CaptureStderr();
  EventLog log(path);
  // Long: the captured warning goes to a file as well, and has to fit below the limit.
  log.write("first", {{"text", std::string(2000, 'x')}});
  {
    const FullDisk disk(std::filesystem::file_size(path) + 20);
    log.write("half");
    log.write("lost");
  }
  log.write("whole");
  log.write("last");
  const std::string warning = testing::internal::GetCapturedStderr();
  EXPECT_EQ(count_of(warning, "\n"), 1U) << warning;
  const auto lines = lines_of(path);
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(Json::parse(lines[0]).at("event"), "first");
  EXPECT_EQ(lines[1].size(), 20U);
  EXPECT_EQ(Json::parse(lines[2]).at("event"), "whole");
  EXPECT_EQ(Json::parse(lines[3]).at("event"), "last");
}

}  // namespace event_log_test
}  // namespace datus
