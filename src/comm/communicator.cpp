// SPDX-License-Identifier: Apache-2.0
#include "datus/comm/communicator.hpp"

#include "comm/failure.hpp"
#include "comm/reduction.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>

namespace datus {
namespace {

template <class T>
void broadcast_value(Communicator& comm, T& value, int root) {
  comm.broadcast(std::as_writable_bytes(std::span(&value, 1)), root);
}

/// COLLECTIVE. The lowest rank where `condition` holds, or size() if it holds nowhere.
int first_rank_where(Communicator& comm, bool condition) {
  std::array<std::int64_t, 1> first{condition ? comm.rank() : comm.size()};
  comm.allreduce(first, ReduceOp::min);
  return static_cast<int>(first[0]);
}

/// A line's worth of `text` around `position`, quoted; a whole configuration would hide the
/// difference.
std::string excerpt(const std::string& text, std::size_t position) {
  constexpr std::size_t before = 40;
  constexpr std::size_t longest = 120;
  const std::size_t begin = text.size() <= longest || position < before ? 0 : std::min(position - before, text.size());
  const std::string cut_left = begin > 0 ? "..." : "";
  const std::string cut_right = text.size() - begin > longest ? "..." : "";
  return "\"" + cut_left + text.substr(begin, longest) + cut_right + "\"";
}

}  // namespace

void require_valid_root(const Communicator& comm, int root) {
  if (root >= 0 && root < comm.size()) return;
  throw Error(ExitCode::failure, "rank " + std::to_string(root) + " cannot be the root of a collective",
              "there are " + std::to_string(comm.size()) + " ranks", "Name a rank from 0 on, below that number.");
}

void require_valid_group(int group) {
  if (group >= 0) return;
  throw Error(ExitCode::failure, "ranks cannot be split into a group " + std::to_string(group), "groups count from 0",
              "Name a group from 0 on.");
}

std::string broadcast_text(Communicator& comm, const std::string& text, int root) {
  auto length = static_cast<std::uint64_t>(text.size());
  broadcast_value(comm, length, root);
  std::string result = comm.rank() == root ? text : std::string(length, '\0');
  comm.broadcast(std::as_writable_bytes(std::span(result)), root);
  return result;
}

Share share_of(std::int64_t count, const Communicator& comm) noexcept {
  // count * rank may exceed 64 bits only beyond 2^63 / ranks things; shares differ by at most one.
  return {count * comm.rank() / comm.size(), count * (comm.rank() + 1) / comm.size()};
}

std::vector<std::vector<std::byte>> allgather(Communicator& comm, std::span<const std::byte> bytes) {
  constexpr int root = 0;
  const auto pieces = comm.gather(bytes, root);
  std::vector<std::uint64_t> lengths(static_cast<std::size_t>(comm.size()));
  if (comm.rank() == root) std::ranges::transform(pieces, lengths.begin(), &std::vector<std::byte>::size);
  comm.broadcast(std::as_writable_bytes(std::span(lengths)), root);

  // One broadcast of all the bytes: with thousands of ranks one for each would be slow.
  std::vector<std::byte> joined;
  for (const auto& piece : pieces) joined.insert(joined.end(), piece.begin(), piece.end());
  joined.resize(std::accumulate(lengths.begin(), lengths.end(), std::uint64_t{0}));
  comm.broadcast(joined, root);

  std::vector<std::vector<std::byte>> result;
  result.reserve(lengths.size());
  std::span<const std::byte> rest(joined);
  for (const std::uint64_t length : lengths) {
    const auto piece = rest.first(length);
    result.emplace_back(piece.begin(), piece.end());
    rest = rest.subspan(length);
  }
  return result;
}

void collectively(Communicator& comm, const std::function<void()>& body) {
  std::optional<Failure> failure;
  try {
    body();
  } catch (...) {
    failure = describe_failure(std::current_exception());
  }
  const int first = first_rank_where(comm, failure.has_value());
  if (first == comm.size()) return;
  ExitCode code = failure ? failure->code : ExitCode::failure;
  broadcast_value(comm, code, first);
  const std::string text = broadcast_text(comm, failure ? failure->text : std::string(), first);
  throw AgreedError(code, first == 0 ? text : "rank " + std::to_string(first) + ": " + text);
}

void on_root(Communicator& comm, const std::function<void()>& body) {
  collectively(comm, [&] {
    if (comm.rank() == 0) body();
  });
}

void require_same_everywhere(Communicator& comm, const std::string& value, const std::string& what) {
  const std::string expected = broadcast_text(comm, value);
  const int first = first_rank_where(comm, value != expected);
  if (first == comm.size()) return;
  const std::string other = broadcast_text(comm, value, first);
  const auto difference = std::ranges::mismatch(expected, other).in1 - expected.begin();
  const auto position = static_cast<std::size_t>(difference);
  throw AgreedError(ExitCode::usage, what + " is not the same on all ranks",
                    "rank 0 has " + excerpt(expected, position) + ", rank " + std::to_string(first) + " has " +
                        excerpt(other, position),
                    "Start all ranks from the same files, with the same program, arguments and environment.");
}

}  // namespace datus
