// SPDX-License-Identifier: Apache-2.0
#include "datus/comm/rank_threads.hpp"

#include "datus/core/log.hpp"
#include "datus/core/text.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include <unistd.h>

namespace datus {
namespace {

std::optional<int> positive_number_in(const char* text) {
  if (text == nullptr) return std::nullopt;
  const char* const end = text + std::strlen(text);
  int number = 0;
  const auto [stopped, error] = std::from_chars(text, end, number);
  const bool is_whole = stopped == end || *stopped == ',';
  return error == std::errc() && is_whole && number > 0 ? std::optional(number) : std::nullopt;
}

void warn_of_tight_binding(const Communicator& comm, std::span<const UsableCores> all, const ThreadLimits& limits) {
  // A batch system binds on purpose.
  if (comm.rank() != 0 || limits.batch_system) return;
  const auto launcher = usable_cores(::getppid());
  const std::string advice = launcher ? binding_advice(all, *launcher) : std::string();
  if (!advice.empty()) log::warning(advice);
}

}  // namespace

int ThreadLimits::of(int share) const noexcept {
  return std::min({share, batch_system.value_or(share), user.value_or(share)});
}

ThreadLimits thread_limits(const Variables& variables) {
  ThreadLimits limits;
  const bool in_job_step = variables("SLURM_STEP_ID") != nullptr || variables("SLURM_STEP_NUM_TASKS") != nullptr;
  if (in_job_step) limits.batch_system = positive_number_in(variables("SLURM_CPUS_PER_TASK"));
  limits.user = positive_number_in(variables("OMP_NUM_THREADS"));
  return limits;
}

ThreadLimits thread_limits() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing here writes the environment
  return thread_limits([](const char* name) { return std::getenv(name); });
}

std::vector<UsableCores> cores_of_all_ranks(Communicator& comm, const UsableCores& own) {
  std::vector<std::uint64_t> message{own.machine};
  message.insert(message.end(), own.mask.begin(), own.mask.end());
  std::vector<UsableCores> all;
  for (const auto& bytes : allgather(comm, std::as_bytes(std::span(message)))) {
    std::vector<std::uint64_t> words(bytes.size() / sizeof(std::uint64_t));
    std::memcpy(words.data(), bytes.data(), bytes.size());
    all.push_back({.machine = words.at(0), .mask = {words.begin() + 1, words.end()}});
  }
  return all;
}

int fair_share_of_rank(const Communicator& comm, std::span<const UsableCores> all) {
  return fair_share(all, static_cast<std::size_t>(comm.rank()));
}

int threads_per_rank(Communicator& comm) {
  // A rank that cannot tell its cores has none, and one thread.
  const auto own = usable_cores().value_or(UsableCores{});
  const auto all = cores_of_all_ranks(comm, own);
  const ThreadLimits limits = thread_limits();
  warn_of_tight_binding(comm, all, limits);
  return limits.of(fair_share_of_rank(comm, all));
}

std::string binding_advice(std::span<const UsableCores> all, const UsableCores& launcher) {
  const int used = cores_in_use(all, launcher.machine);
  const int available = launcher.count();
  if (used == 0 || 2 * used >= available) return {};
  return message_text("the ranks may use only " + std::to_string(used) + " of the " + std::to_string(available) +
                          " cores of this machine",
                      "their launcher bound them", "Add --bind-to none to mpirun, or --map-by slot:PE=CORES.");
}

}  // namespace datus
