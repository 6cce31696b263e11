// SPDX-License-Identifier: Apache-2.0
#include "datus/core/usable_cores.hpp"

#include <fstream>
#include <numeric>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

namespace datus {
namespace usable_cores_test {

UsableCores cores(std::uint64_t machine, const std::set<int>& numbers) {
  UsableCores result{.machine = machine, .mask = {}};
  for (const int number : numbers) {
    const auto word = static_cast<std::size_t>(number / 64);
    if (result.mask.size() <= word) result.mask.resize(word + 1);
    result.mask[word] |= std::uint64_t{1} << (number % 64);
  }
  return result;
}

std::set<int> range(int begin, int end) {
  std::set<int> numbers;
  for (int number = begin; number < end; ++number) numbers.insert(number);
  return numbers;
}

std::set<int> numbers_of(const UsableCores& usable) {
  std::set<int> numbers;
  for (int core = 0; core < 1 << 16; ++core) {
    if (usable.has(core)) numbers.insert(core);
  }
  return numbers;
}

/// "0-3,8" as the kernel writes it.
std::set<int> kernels_list(const std::string& process) {
  std::ifstream file("/proc/" + process + "/status");
  const std::string label = "Cpus_allowed_list:";
  std::string line;
  while (std::getline(file, line) && !line.starts_with(label)) {
  }
  std::istringstream list(line.substr(label.size()));
  std::set<int> numbers;
  for (std::string part; std::getline(list, part, ',');) {
    const auto dash = part.find('-');
    const int first = std::stoi(part);
    const int last = dash == std::string::npos ? first : std::stoi(part.substr(dash + 1));
    numbers.merge(range(first, last + 1));
  }
  return numbers;
}

TEST(UsableCoresTest, AreThoseOfTheKernel) {
  const auto own = usable_cores();
  ASSERT_TRUE(own);
  EXPECT_EQ(numbers_of(*own), kernels_list("self"));
  EXPECT_EQ(static_cast<std::size_t>(own->count()), kernels_list("self").size());
  const auto parent = usable_cores(::getppid());
  ASSERT_TRUE(parent);
  EXPECT_EQ(numbers_of(*parent), kernels_list(std::to_string(::getppid())));
  EXPECT_EQ(parent->machine, own->machine);
}

TEST(UsableCoresTest, AreThoseThatTheThreadIsBoundTo) {
  const std::set<int> all = kernels_list("self");
  for (const int core : {*all.begin(), *all.rbegin()}) {
    std::set<int> found;
    std::thread([&] {
      cpu_set_t set;
      CPU_ZERO(&set);
      CPU_SET(static_cast<std::size_t>(core), &set);
      ASSERT_EQ(::sched_setaffinity(0, sizeof(set), &set), 0);
      found = numbers_of(usable_cores().value());
    }).join();
    EXPECT_EQ(found, std::set<int>{core});
  }
}

TEST(UsableCoresTest, OfNoProcess) {
  EXPECT_FALSE(usable_cores(std::numeric_limits<pid_t>::max()));
}

TEST(UsableCoresTest, NumbersAcrossWords) {
  const UsableCores usable = cores(1, {0, 63, 64, 200});
  EXPECT_EQ(usable.count(), 4);
  EXPECT_EQ(numbers_of(usable), (std::set<int>{0, 63, 64, 200}));
  EXPECT_FALSE(usable.has(1 << 20));
}

std::vector<int> shares(const std::vector<UsableCores>& all) {
  std::vector<int> result;
  for (std::size_t i = 0; i < all.size(); ++i) result.push_back(fair_share(all, i));
  return result;
}

TEST(FairShare, BoundRanksHaveTheirOwnCores) {
  std::vector<UsableCores> all;
  for (int rank = 0; rank < 8; ++rank) all.push_back(cores(1, range(4 * rank, 4 * rank + 4)));
  EXPECT_EQ(shares(all), std::vector<int>(8, 4));
}

TEST(FairShare, UnboundRanksShareTheMachine) {
  EXPECT_EQ(shares(std::vector(8, cores(1, range(0, 32)))), std::vector<int>(8, 4));
  EXPECT_EQ(shares(std::vector(3, cores(1, range(0, 8)))), std::vector<int>(3, 2));
  EXPECT_EQ(shares(std::vector(1, cores(1, range(0, 130)))), std::vector<int>(1, 130));
}

TEST(FairShare, IsAtLeastOne) {
  EXPECT_EQ(shares(std::vector(5, cores(1, range(0, 2)))), std::vector<int>(5, 1));
  EXPECT_EQ(shares({cores(1, {}), cores(1, {7})}), (std::vector<int>{1, 1}));
}

TEST(FairShare, EqualNumbersOnOtherMachinesAreOtherCores) {
  EXPECT_EQ(shares({cores(1, range(0, 4)), cores(1, range(0, 4)), cores(2, range(0, 4))}), (std::vector<int>{2, 2, 4}));
}

TEST(FairShare, OverlappingMasks) {
  // The first has half of cores 0 and 1, and 2 and 3 for itself.
  EXPECT_EQ(shares({cores(1, {0, 1, 2, 3}), cores(1, {0, 1})}), (std::vector<int>{3, 1}));
}

TEST(FairShare, ManyPartsMakeAWhole) {
  for (const int ranks : {3, 7, 49, 96}) {
    EXPECT_EQ(fair_share(std::vector(static_cast<std::size_t>(ranks), cores(1, range(0, 2 * ranks))), 0), 2) << ranks;
  }
}

// With the least common multiple as unit all parts are whole numbers.
TEST(FairShare, OfAnyMasksIsTheExactSumRoundedDown) {
  constexpr int most_ranks = 16;
  constexpr std::int64_t unit = 720720;
  std::mt19937 random(1);
  for (int repeat = 0; repeat < 200; ++repeat) {
    const int ranks = 1 + static_cast<int>(random() % most_ranks);
    std::vector<std::set<int>> numbers(static_cast<std::size_t>(ranks));
    std::vector<UsableCores> all;
    for (auto& own : numbers) {
      for (int core = 0; core < 100; ++core) {
        if (random() % 3 != 0) own.insert(core);
      }
      all.push_back(cores(9, own));
    }
    for (std::size_t rank = 0; rank < all.size(); ++rank) {
      std::int64_t sum = 0;
      for (const int core : numbers[rank]) {
        std::int64_t sharers = 0;
        for (const auto& own : numbers) sharers += own.contains(core) ? 1 : 0;
        sum += unit / sharers;
      }
      EXPECT_EQ(fair_share(all, rank), std::max<std::int64_t>(1, sum / unit));
    }
  }
}

TEST(CoresInUse, AreTheUnionOnOneMachine) {
  const std::vector<UsableCores> all = {cores(1, {0, 1}), cores(1, {1, 70}), cores(2, range(0, 50))};
  EXPECT_EQ(cores_in_use(all, 1), 3);
  EXPECT_EQ(cores_in_use(all, 2), 50);
  EXPECT_EQ(cores_in_use(all, 3), 0);
}

}  // namespace usable_cores_test
}  // namespace datus
