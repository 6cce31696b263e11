// SPDX-License-Identifier: Apache-2.0
#include "support/rendezvous.hpp"

#include "comm/failure.hpp"

#include <algorithm>
#include <exception>

namespace datus {

Rendezvous::Rendezvous(int ranks) : arrivals_(static_cast<std::size_t>(ranks)) {}

void Rendezvous::meet(int rank, const Call& call, void* argument, const Work& work) {
  std::unique_lock lock(mutex_);
  require_intact();
  arrivals_[static_cast<std::size_t>(rank)] = Arrival{call, argument};
  ++arrived_;
  if (departure_) {
    fail("rank " + std::to_string(departure_->rank) + (departure_->threw ? " failed" : " returned") +
             " while others wait for it in a collective",
         departure_->threw);
  } else if (arrived_ == arrivals_.size()) {
    if (auto problem = act(work)) {
      fail(*problem, false);
    } else {
      std::ranges::fill(arrivals_, std::nullopt);
      arrived_ = 0;
      ++completed_;
      changed_.notify_all();
      return;
    }
  }
  const std::uint64_t mine = completed_;
  changed_.wait(lock, [&] { return completed_ != mine || failure_.has_value(); });
  // A failure that came after this rendezvous's end belongs to the next one.
  if (completed_ == mine) require_intact();
}

void Rendezvous::leave(int rank, bool threw) {
  const std::scoped_lock lock(mutex_);
  if (!departure_) departure_ = Departure{rank, threw};
  if (arrived_ > 0 && !failure_) {
    fail("rank " + std::to_string(rank) + (threw ? " failed" : " returned") +
             " while others wait for it in a collective",
         threw);
  }
}

std::optional<std::string> Rendezvous::act(const Work& work) const {
  std::vector<void*> arguments;
  for (const auto& arrival : arrivals_) {
    if (arrival->call != arrivals_.front()->call) return "the ranks do not call the same collective";
    arguments.push_back(arrival->argument);
  }
  try {
    work(arguments);
  } catch (...) {
    return describe_failure(std::current_exception()).text;
  }
  return std::nullopt;
}

void Rendezvous::fail(const std::string& problem, bool released) {
  const SystemError error(
      problem, arrivals_text(),
      released ? "See that rank's own error." : "Let all ranks make the same calls in the same order.");
  failure_ = error.what();
  released_ = released;
  changed_.notify_all();
}

void Rendezvous::require_intact() const {
  if (!failure_) return;
  if (released_) throw ReleasedError(*failure_, "", "");
  throw SystemError(*failure_, "", "");
}

std::string Rendezvous::arrivals_text() const {
  std::string text;
  for (std::size_t r = 0; r < arrivals_.size(); ++r) {
    if (!arrivals_[r]) continue;
    const auto& call = arrivals_[r]->call;
    if (!text.empty()) text += ", ";
    text += "rank " + std::to_string(r) + " is in " + call.name + " with length " + std::to_string(call.length);
  }
  return text;
}

}  // namespace datus
