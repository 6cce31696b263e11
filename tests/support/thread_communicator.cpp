// SPDX-License-Identifier: Apache-2.0
#include "support/thread_communicator.hpp"

#include "comm/reduction.hpp"
#include "support/rendezvous.hpp"

#include <algorithm>
#include <exception>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>

namespace datus {
namespace {

class ThreadCommunicator : public Communicator {
 public:
  ThreadCommunicator(Rendezvous& rendezvous, int rank, int size)
      : rendezvous_(rendezvous), rank_(rank), size_(size), local_rank_(rank), local_size_(size) {}

  [[nodiscard]] int rank() const noexcept override { return rank_; }
  [[nodiscard]] int size() const noexcept override { return size_; }
  [[nodiscard]] int local_rank() const noexcept override { return local_rank_; }
  [[nodiscard]] int local_size() const noexcept override { return local_size_; }

  void barrier() override {
    rendezvous_.meet(rank_, {"barrier", 0}, nullptr, [](std::span<void* const>) {});
  }
  void allreduce(std::span<std::int64_t> values, ReduceOp op) override { reduce(values, op, "int64"); }
  void allreduce(std::span<std::uint64_t> values, ReduceOp op) override { reduce(values, op, "uint64"); }
  void allreduce(std::span<float> values, ReduceOp op) override {
    require_reducible(std::span<const float>(values), op);
    reduce(values, op, "float");
  }
  void allreduce(std::span<double> values, ReduceOp op) override {
    require_reducible(std::span<const double>(values), op);
    reduce(values, op, "double");
  }
  void broadcast(std::span<std::byte> bytes, int root) override;
  [[nodiscard]] std::vector<std::vector<std::byte>> gather(std::span<const std::byte> bytes, int root) override;
  [[nodiscard]] std::unique_ptr<Communicator> split(int group) override;

 protected:
  void set_place_on_node(int rank, int size) {
    local_rank_ = rank;
    local_size_ = size;
  }

 private:
  template <class T>
  void reduce(std::span<T> values, ReduceOp op, const std::string& type);

  Rendezvous& rendezvous_;
  int rank_;
  int size_;
  int local_rank_;
  int local_size_;
};

/// A rank's place in a group that has a rendezvous of its own.
struct Seat {
  std::shared_ptr<Rendezvous> rendezvous;
  int rank = 0;
  int size = 0;
};

/// Who waits in the group for a rank that leaves it is released, as by the end of the rank's thread.
class GroupCommunicator final : public ThreadCommunicator {
 public:
  GroupCommunicator(Seat seat, const Communicator& all)
      : ThreadCommunicator(*seat.rendezvous, seat.rank, seat.size),
        seat_(std::move(seat)),
        exceptions_before_(std::uncaught_exceptions()) {
    set_place_on_node(all.local_rank(), all.local_size());
  }
  ~GroupCommunicator() override {
    seat_.rendezvous->leave(seat_.rank, std::uncaught_exceptions() > exceptions_before_);
  }
  GroupCommunicator(const GroupCommunicator&) = delete;
  GroupCommunicator& operator=(const GroupCommunicator&) = delete;
  GroupCommunicator(GroupCommunicator&&) = delete;
  GroupCommunicator& operator=(GroupCommunicator&&) = delete;

 private:
  Seat seat_;
  int exceptions_before_;
};

template <class T>
void ThreadCommunicator::reduce(std::span<T> values, ReduceOp op, const std::string& type) {
  const Call call{"allreduce(" + type + ", " + name_of(op) + ")", static_cast<std::int64_t>(values.size())};
  rendezvous_.meet(rank_, call, &values, [op](std::span<void* const> arguments) {
    const auto of = [&](std::size_t r) { return *static_cast<std::span<T>*>(arguments[r]); };
    const std::span<T> result = of(0);
    for (std::size_t r = 1; r < arguments.size(); ++r) {
      std::ranges::transform(result, of(r), result.begin(), [op](T a, T b) { return combine(op, a, b); });
    }
    for (std::size_t r = 1; r < arguments.size(); ++r) std::ranges::copy(result, of(r).begin());
  });
}

void ThreadCommunicator::broadcast(std::span<std::byte> bytes, int root) {
  require_valid_root(*this, root);
  const Call call{"broadcast(root " + std::to_string(root) + ")", static_cast<std::int64_t>(bytes.size())};
  rendezvous_.meet(rank_, call, &bytes, [root](std::span<void* const> arguments) {
    const auto of = [&](std::size_t r) { return *static_cast<std::span<std::byte>*>(arguments[r]); };
    const auto source = static_cast<std::size_t>(root);
    for (std::size_t r = 0; r < arguments.size(); ++r) {
      if (r != source) std::ranges::copy(of(source), of(r).begin());
    }
  });
}

std::vector<std::vector<std::byte>> ThreadCommunicator::gather(std::span<const std::byte> bytes, int root) {
  struct Argument {
    std::span<const std::byte> bytes;
    std::vector<std::vector<std::byte>> result;
  };
  require_valid_root(*this, root);
  Argument mine{bytes, {}};
  rendezvous_.meet(rank_, {"gather(root " + std::to_string(root) + ")", 0}, &mine,
                   [root](std::span<void* const> arguments) {
                     const auto of = [&](std::size_t r) -> Argument& { return *static_cast<Argument*>(arguments[r]); };
                     auto& result = of(static_cast<std::size_t>(root)).result;
                     for (std::size_t r = 0; r < arguments.size(); ++r)
                       result.emplace_back(of(r).bytes.begin(), of(r).bytes.end());
                   });
  return std::move(mine.result);
}

std::unique_ptr<Communicator> ThreadCommunicator::split(int group) {
  struct Argument {
    int group;
    Seat seat;
  };
  require_valid_group(group);
  Argument mine{group, {}};
  rendezvous_.meet(rank_, {"split", 0}, &mine, [](std::span<void* const> arguments) {
    std::map<int, std::vector<Argument*>> members;
    for (void* const argument : arguments) {
      auto* const member = static_cast<Argument*>(argument);
      members[member->group].push_back(member);
    }
    for (const auto& [number, of_group] : members) {
      const auto size = static_cast<int>(of_group.size());
      const auto rendezvous = std::make_shared<Rendezvous>(size);
      for (int r = 0; r < size; ++r) of_group[static_cast<std::size_t>(r)]->seat = {rendezvous, r, size};
    }
  });
  return std::make_unique<GroupCommunicator>(std::move(mine.seat), *this);
}

/// How a rank ended.
struct Outcome {
  std::exception_ptr error;
  /// The error is only the consequence of another rank's.
  bool released = false;
};

Outcome run_rank(Rendezvous& rendezvous, int rank, int ranks, const std::function<void(Communicator&)>& body) {
  Outcome outcome;
  try {
    ThreadCommunicator comm(rendezvous, rank, ranks);
    body(comm);
  } catch (const ReleasedError&) {
    outcome = {std::current_exception(), true};
  } catch (...) {
    outcome = {std::current_exception(), false};
  }
  rendezvous.leave(rank, outcome.error != nullptr);
  return outcome;
}

}  // namespace

void run_on_threads(int ranks, const std::function<void(Communicator&)>& body) {
  if (ranks < 1) {
    throw Error(ExitCode::failure, std::to_string(ranks) + " thread-ranks were asked for",
                "a group has at least one rank", "Ask for one or more.");
  }
  Rendezvous rendezvous(ranks);
  std::vector<Outcome> outcomes(static_cast<std::size_t>(ranks));
  {
    std::vector<std::jthread> threads;
    threads.reserve(outcomes.size());
    for (int r = 0; r < ranks; ++r) {
      Outcome& outcome = outcomes[static_cast<std::size_t>(r)];
      try {
        threads.emplace_back([&, r] { outcome = run_rank(rendezvous, r, ranks, body); });
      } catch (const std::system_error& e) {
        outcome.error =
            std::make_exception_ptr(SystemError("thread-rank " + std::to_string(r) + " could not be started", e.what(),
                                                "Raise the limit of processes (ulimit -u)."));
        rendezvous.leave(r, true);
      }
    }
  }
  const auto cause = std::ranges::find_if(outcomes, [](const Outcome& o) { return o.error && !o.released; });
  if (cause != outcomes.end()) std::rethrow_exception(cause->error);
}

}  // namespace datus
