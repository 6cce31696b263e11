// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/error.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace datus {

enum class ReduceOp { sum, min, max };

/// A group of ranks. Every member function but rank() and size() is COLLECTIVE: all ranks call it,
/// in the same order, with spans of the same length. All counts are 64-bit; implementations split
/// messages that their library cannot take in one piece.
///
/// Reductions are offered where the result does not depend on the order of the ranks: integers with
/// sum, min and max; floating point with min and max only (a sum of floats is refused with an
/// `Error`), never NaN.
class Communicator {
 public:
  Communicator() = default;
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;
  Communicator(Communicator&&) = delete;
  Communicator& operator=(Communicator&&) = delete;
  virtual ~Communicator() = default;

  [[nodiscard]] virtual int rank() const noexcept = 0;
  [[nodiscard]] virtual int size() const noexcept = 0;
  /// Rank among the ranks of the same node, and their number: chooses the GPU and the threads.
  [[nodiscard]] virtual int local_rank() const noexcept = 0;
  [[nodiscard]] virtual int local_size() const noexcept = 0;

  virtual void barrier() = 0;
  /// In place; all ranks get the result. An int64 sum that overflows is the caller's defect (it
  /// wraps).
  virtual void allreduce(std::span<std::int64_t> values, ReduceOp op) = 0;
  virtual void allreduce(std::span<std::uint64_t> values, ReduceOp op) = 0;
  virtual void allreduce(std::span<float> values, ReduceOp op) = 0;
  virtual void allreduce(std::span<double> values, ReduceOp op) = 0;
  virtual void broadcast(std::span<std::byte> bytes, int root) = 0;
  /// Every rank's bytes (lengths may differ) at `root`, by rank; an empty vector elsewhere.
  [[nodiscard]] virtual std::vector<std::vector<std::byte>> gather(std::span<const std::byte> bytes, int root) = 0;
  /// The ranks that pass the same `group`, which is 0 or more, in the order that they have here. local_rank() and
  /// local_size() stay those of this communicator: they choose the GPU and the threads, which the groups share out.
  /// This communicator must outlive it. Destroying it is COLLECTIVE within the group, but for an exception on its way,
  /// when the others may never come.
  [[nodiscard]] virtual std::unique_ptr<Communicator> split(int group) = 0;
};

/// COLLECTIVE. Rank root's text on all ranks.
[[nodiscard]] std::string broadcast_text(Communicator& comm, const std::string& text, int root = 0);

/// COLLECTIVE. Every rank's bytes on every rank, by rank.
[[nodiscard]] std::vector<std::vector<std::byte>> allgather(Communicator& comm, std::span<const std::byte> bytes);

/// Consecutive things [begin, end).
struct Share {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  [[nodiscard]] constexpr std::int64_t size() const noexcept { return end - begin; }
};

/// The part of `count` things that this rank works on. The parts follow each other in rank order and leave nothing out;
/// some are empty when there are more ranks than things.
[[nodiscard]] Share share_of(std::int64_t count, const Communicator& comm) noexcept;

/// COLLECTIVE. The values of all ranks on every rank, one after the other in rank order.
template <class T>
requires std::is_trivially_copyable_v<T>
[[nodiscard]] std::vector<T> allgather_values(Communicator& comm, const std::vector<T>& values) {
  std::vector<T> all;
  for (const auto& bytes : allgather(comm, std::as_bytes(std::span(values)))) {
    const std::size_t before = all.size();
    all.resize(before + bytes.size() / sizeof(T));
    if (!bytes.empty()) std::memcpy(all.data() + before, bytes.data(), bytes.size());
  }
  return all;
}

/// COLLECTIVE. Runs `body` on this rank (it must not communicate); if it threw on any rank, all
/// ranks throw the same `AgreedError` with the exit code and the text of the lowest such rank. Use
/// it for checks and set-up before a collective, so that bad input never leaves the other ranks
/// waiting.
void collectively(Communicator& comm, const std::function<void()>& body);

/// COLLECTIVE. Runs `body` on rank 0 only, with the same agreement on failure.
void on_root(Communicator& comm, const std::function<void()>& body);

/// COLLECTIVE. Throws `AgreedError` on all ranks unless `value` is the same everywhere. `what`
/// names it in the message.
void require_same_everywhere(Communicator& comm, const std::string& value, const std::string& what);

/// COLLECTIVE. The largest of all ranks' values, on all of them.
template <class Value>
[[nodiscard]] Value largest_of_ranks(Communicator& comm, Value value) {
  comm.allreduce(std::span<Value>(&value, 1), ReduceOp::max);
  return value;
}

}  // namespace datus
