// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/comm/communicator.hpp"
#include "datus/core/error.hpp"
#include "datus/core/philox.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include <gtest/gtest.h>

/// What must hold for every Communicator, against brute force: each rank can compute every rank's
/// input by itself. Each check is COLLECTIVE. `check_everything` calls them all.
namespace datus::test {

/// Lengths of arrays: none, one, less and more than the 1,000 elements of a message that the MPI
/// tests allow, and exactly that and its multiples.
inline const std::vector<std::size_t> lengths{0, 1, 7, 999, 1000, 1001, 3000, 4567};

/// The input of rank `rank` at position `index`: all bit patterns for integers, finite values with
/// both zeros for floats.
template <class T>
T input(int rank, std::size_t index) {
  const auto words = philox({static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(rank), 0, 0}, {42, 0});
  if constexpr (std::is_floating_point_v<T>) {
    if (words[0] % 8 == 0) return words[1] % 2 == 0 ? T{0} : -T{0};
    return static_cast<T>(static_cast<std::int32_t>(words[0])) / static_cast<T>(1 + words[1] % 1000);
  } else {
    return static_cast<T>((std::uint64_t{words[0]} << 32U) | words[1]);
  }
}

template <class T>
std::vector<T> inputs(int rank, std::size_t length) {
  std::vector<T> result(length);
  for (std::size_t i = 0; i < length; ++i) result[i] = input<T>(rank, i);
  return result;
}

inline std::vector<std::byte> input_bytes(int rank, std::size_t length) {
  std::vector<std::byte> result(length);
  for (std::size_t i = 0; i < length; ++i) result[i] = static_cast<std::byte>(input<std::uint64_t>(rank, i) & 0xffU);
  return result;
}

/// The reduction by hand. Where zeros of both signs meet, the minimum is -0 and the maximum +0.
template <class T>
T reduced(int ranks, std::size_t index, ReduceOp op) {
  if constexpr (std::is_integral_v<T>) {
    if (op == ReduceOp::sum) {
      std::uint64_t sum = 0;
      for (int r = 0; r < ranks; ++r) sum += static_cast<std::uint64_t>(input<T>(r, index));
      return static_cast<T>(sum);
    }
  }
  const auto below = [](T a, T b) {
    if constexpr (std::is_floating_point_v<T>) {
      if (a == b) return std::signbit(a) && !std::signbit(b);
    }
    return a < b;
  };
  std::vector<T> column;
  for (int r = 0; r < ranks; ++r) column.push_back(input<T>(r, index));
  return op == ReduceOp::min ? *std::ranges::min_element(column, below) : *std::ranges::max_element(column, below);
}

template <class T>
void check_allreduce(Communicator& comm, ReduceOp op) {
  for (const std::size_t length : lengths) {
    auto values = inputs<T>(comm.rank(), length);
    comm.allreduce(std::span(values), op);
    std::vector<T> expected(length);
    for (std::size_t i = 0; i < length; ++i) expected[i] = reduced<T>(comm.size(), i, op);
    // By bytes: == cannot tell -0 from +0.
    EXPECT_TRUE(length == 0 || std::memcmp(values.data(), expected.data(), length * sizeof(T)) == 0)
        << "length " << length << ", operation " << static_cast<int>(op);
  }
}

/// Ranks of one node are numbered 0, 1, ... and agree on how many they are.
inline void check_local_ranks(Communicator& comm) {
  ASSERT_GE(comm.local_rank(), 0);
  ASSERT_LT(comm.local_rank(), comm.local_size());
  ASSERT_LE(comm.local_size(), comm.size());
  // at(s, l): how many ranks are number l of s.
  const auto size = static_cast<std::size_t>(comm.size());
  std::vector<std::int64_t> count((size + 1) * (size + 1), 0);
  const auto at = [&](std::size_t of, std::size_t number) -> std::int64_t& { return count[of * (size + 1) + number]; };
  at(static_cast<std::size_t>(comm.local_size()), static_cast<std::size_t>(comm.local_rank())) = 1;
  comm.allreduce(std::span(count), ReduceOp::sum);
  for (std::size_t of = 1; of <= size; ++of) {
    for (std::size_t number = 1; number < of; ++number) EXPECT_EQ(at(of, number), at(of, 0));
  }
}

inline void check_broadcast(Communicator& comm) {
  for (int root = 0; root < comm.size(); ++root) {
    for (const std::size_t length : lengths) {
      auto bytes = input_bytes(comm.rank(), length);
      comm.broadcast(bytes, root);
      EXPECT_EQ(bytes, input_bytes(root, length)) << "root " << root << ", length " << length;
    }
    const std::string start("text\0of ", 8);
    EXPECT_EQ(broadcast_text(comm, start + std::to_string(comm.rank()), root), start + std::to_string(root));
    EXPECT_EQ(broadcast_text(comm, comm.rank() == root ? "" : "not the root's", root), "");
  }
}

/// Every third rank has nothing, beginning with `first_empty`; the others have more than one
/// message.
inline std::size_t gather_length(int rank, int first_empty) {
  return rank % 3 == first_empty ? 0 : 1500 + 700 * static_cast<std::size_t>(rank);
}

inline void check_gather(Communicator& comm) {
  for (int first_empty = 0; first_empty < 3; ++first_empty) {
    std::vector<std::vector<std::byte>> expected;
    for (int r = 0; r < comm.size(); ++r) expected.push_back(input_bytes(r, gather_length(r, first_empty)));
    const auto mine = input_bytes(comm.rank(), gather_length(comm.rank(), first_empty));
    for (int root = 0; root < comm.size(); ++root) {
      const auto gathered = comm.gather(mine, root);
      EXPECT_EQ(gathered, comm.rank() == root ? expected : std::vector<std::vector<std::byte>>{});
    }
    EXPECT_EQ(allgather(comm, mine), expected);
  }
}

/// All ranks refuse alike, before anything is sent, so the communicator stays usable.
inline void check_refusals(Communicator& comm) {
  std::vector<float> floats{1, 2};
  std::vector<double> doubles{1, 2};
  EXPECT_THROW(comm.allreduce(std::span(floats), ReduceOp::sum), Error);
  EXPECT_THROW(comm.allreduce(std::span(doubles), ReduceOp::sum), Error);
  floats[1] = std::numeric_limits<float>::quiet_NaN();
  doubles[0] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(comm.allreduce(std::span(floats), ReduceOp::min), Error);
  EXPECT_THROW(comm.allreduce(std::span(doubles), ReduceOp::max), Error);
  std::vector<std::byte> bytes(3);
  EXPECT_THROW(comm.broadcast(bytes, comm.size()), Error);
  EXPECT_THROW(comm.broadcast(bytes, -1), Error);
  EXPECT_THROW((void)comm.gather(bytes, comm.size()), Error);
  comm.barrier();
}

/// Runs `collective_call` and checks the `AgreedError` of this rank.
inline void expect_agreed(const std::function<void()>& collective_call, ExitCode code, const std::string& text) {
  try {
    collective_call();
    ADD_FAILURE() << "no exception; expected: " << text;
  } catch (const AgreedError& e) {
    EXPECT_EQ(e.exit_code(), code);
    EXPECT_EQ(e.what(), text);
  }
}

inline void check_collectively(Communicator& comm) {
  int calls = 0;
  collectively(comm, [&] { ++calls; });
  EXPECT_EQ(calls, 1);
  for (int failing = 0; failing < comm.size(); ++failing) {
    const std::string prefix = failing == 0 ? "" : "rank " + std::to_string(failing) + ": ";
    const auto fails = [&](auto thrown) {
      return [&comm, failing, thrown] {
        collectively(comm, [&] {
          if (comm.rank() == failing) throw thrown;
        });
      };
    };
    expect_agreed(fails(InputError("bad", "why", "Do.")), ExitCode::bad_input, prefix + "bad (why) Do.");
    expect_agreed(fails(UsageError("wrong", "", "")), ExitCode::usage, prefix + "wrong");
    expect_agreed(fails(std::runtime_error("library")), ExitCode::failure, prefix + "library");
    expect_agreed(fails(Error(ExitCode::done, "an error is never done")), ExitCode::failure,
                  prefix + "an error is never done");
    EXPECT_THROW(fails(17)(), AgreedError);
    // The lowest of several decides.
    const auto from_here_on = [&] {
      collectively(comm, [&] {
        if (comm.rank() >= failing) throw InputError("number " + std::to_string(comm.rank()), "", "");
      });
    };
    expect_agreed(from_here_on, ExitCode::bad_input, prefix + "number " + std::to_string(failing));
  }
}

inline void check_on_root(Communicator& comm) {
  int calls = 0;
  on_root(comm, [&] { ++calls; });
  EXPECT_EQ(calls, comm.rank() == 0 ? 1 : 0);
  expect_agreed([&] { on_root(comm, [] { throw UsageError("no", "such", "key"); }); }, ExitCode::usage,
                "no (such) key");
}

inline void check_require_same_everywhere(Communicator& comm) {
  require_same_everywhere(comm, "", "nothing");
  require_same_everywhere(comm, std::string(5000, 'x'), "the configuration");
  for (int other = 1; other < comm.size(); ++other) {
    const std::string rank = std::to_string(other);
    const auto call = [&] { require_same_everywhere(comm, comm.rank() >= other ? "28" : "27", "cluster.k"); };
    expect_agreed(call, ExitCode::usage,
                  "cluster.k is not the same on all ranks (rank 0 has \"27\", rank " + rank +
                      " has \"28\") Start all ranks from the same files, with the same program, "
                      "arguments and "
                      "environment.");
    // Of a long text the message shows the place where it differs.
    const auto long_call = [&] {
      const std::string start(5000, 'x');
      require_same_everywhere(comm, comm.rank() == other ? start + "HERE" : start, "the configuration");
    };
    try {
      long_call();
      ADD_FAILURE() << "a difference was not found";
    } catch (const AgreedError& e) {
      EXPECT_NE(std::string(e.what()).find("HERE"), std::string::npos) << e.what();
      EXPECT_LT(std::string(e.what()).size(), 600U);
    }
  }
}

/// All but what concerns the nodes, which a group of ranks has from all.
inline void check_collectives(Communicator& comm) {
  ASSERT_GE(comm.rank(), 0);
  ASSERT_LT(comm.rank(), comm.size());
  for (int repeat = 0; repeat < 10; ++repeat) comm.barrier();
  for (const ReduceOp op : {ReduceOp::sum, ReduceOp::min, ReduceOp::max}) {
    check_allreduce<std::int64_t>(comm, op);
    check_allreduce<std::uint64_t>(comm, op);
  }
  for (const ReduceOp op : {ReduceOp::min, ReduceOp::max}) {
    check_allreduce<float>(comm, op);
    check_allreduce<double>(comm, op);
  }
  check_broadcast(comm);
  check_gather(comm);
  check_refusals(comm);
  check_collectively(comm);
  check_on_root(comm);
  check_require_same_everywhere(comm);
}

/// Groups work beside each other, each on its own, and beside all ranks together.
inline void check_split(Communicator& comm) {
  for (int groups = 1; groups <= comm.size(); ++groups) {
    // Neighbours in different groups, with gaps between the numbers of the groups.
    const int group = 3 * (comm.rank() % groups);
    const auto part = comm.split(group);
    EXPECT_EQ(part->rank(), comm.rank() / groups);
    EXPECT_EQ(part->size(), (comm.size() - comm.rank() % groups + groups - 1) / groups);
    EXPECT_EQ(part->local_rank(), comm.local_rank());
    EXPECT_EQ(part->local_size(), comm.local_size());
    for (int repeat = 0; repeat < group; ++repeat) part->barrier();
    check_collectives(*part);
    std::int64_t ranks = 1;
    part->allreduce(std::span(&ranks, 1), ReduceOp::sum);
    EXPECT_EQ(ranks, part->size());
    check_gather(comm);
    // Of groups again groups.
    const auto alone = part->split(part->rank());
    EXPECT_EQ(alone->size(), 1);
  }
  EXPECT_THROW((void)comm.split(-1), Error);
}

inline void check_everything(Communicator& comm) {
  check_collectives(comm);
  check_local_ranks(comm);
  check_split(comm);
}

}  // namespace datus::test
