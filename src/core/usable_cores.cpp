// SPDX-License-Identifier: Apache-2.0
#include "datus/core/usable_cores.hpp"

#include "datus/core/hash.hpp"
#include "datus/core/job_identity.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <climits>
#include <cmath>
#include <string>

#include <sched.h>

namespace datus {
namespace {

constexpr int word_bits = 64;
static_assert(sizeof(unsigned long) * CHAR_BIT == word_bits, "the words of the kernel's mask are ours");

/// No kernel is built for more.
constexpr std::size_t most_cores = std::size_t{1} << 16U;

std::uint64_t running_kernel() {
  const ProcessIdentity process = this_process();
  const std::string& name = process.boot.empty() ? process.host : process.boot;
  return hash_64(std::as_bytes(std::span(name)), 0);
}

}  // namespace

bool UsableCores::has(int core) const noexcept {
  const auto word = static_cast<std::size_t>(core / word_bits);
  return word < mask.size() && ((mask[word] >> static_cast<unsigned>(core % word_bits)) & 1U) != 0;
}

int UsableCores::count() const noexcept {
  int cores = 0;
  for (const std::uint64_t word : mask) cores += std::popcount(word);
  return cores;
}

std::optional<UsableCores> usable_cores(pid_t process) {
  // The kernel refuses a mask that is shorter than its own, and does not say how long that is.
  for (std::size_t cores = CPU_SETSIZE; cores <= most_cores; cores *= 2) {
    std::vector<cpu_set_t> set(cores / CPU_SETSIZE);
    const std::size_t bytes = set.size() * sizeof(cpu_set_t);
    if (::sched_getaffinity(process, bytes, set.data()) == 0) {
      UsableCores usable{.machine = running_kernel(), .mask = std::vector<std::uint64_t>(cores / word_bits)};
      for (std::size_t core = 0; core < cores; ++core) {
        if (CPU_ISSET_S(core, bytes, set.data())) usable.mask[core / word_bits] |= std::uint64_t{1} << core % word_bits;
      }
      while (!usable.mask.empty() && usable.mask.back() == 0) usable.mask.pop_back();
      return usable;
    }
    if (errno != EINVAL) break;
  }
  return std::nullopt;
}

int fair_share(std::span<const UsableCores> all, std::size_t which) {
  const UsableCores& mine = all[which];
  double share = 0;
  for (int core = 0; core < static_cast<int>(mine.mask.size()) * word_bits; ++core) {
    if (!mine.has(core)) continue;
    const auto sharers = std::ranges::count_if(
        all, [&](const UsableCores& other) { return other.machine == mine.machine && other.has(core); });
    share += 1.0 / static_cast<double>(sharers);
  }
  constexpr double rounding = 1e-9;  // 49 times 1/49 is less than 1
  return std::max(1, static_cast<int>(std::floor(share + rounding)));
}

int cores_in_use(std::span<const UsableCores> all, std::uint64_t machine) {
  UsableCores together{.machine = machine, .mask = {}};
  for (const UsableCores& one : all) {
    if (one.machine != machine) continue;
    together.mask.resize(std::max(together.mask.size(), one.mask.size()));
    for (std::size_t word = 0; word < one.mask.size(); ++word) together.mask[word] |= one.mask[word];
  }
  return together.count();
}

}  // namespace datus
