// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/comm/communicator.hpp"

#include <mpi.h>

namespace datus {

/// Owns an MPI communicator. Freeing is COLLECTIVE.
class MpiHandle {
 public:
  /// Takes the handle over and makes its errors return, so that they can be checked.
  explicit MpiHandle(MPI_Comm handle);
  /// Leaves the handle to the end of the process where an exception is on its way: other ranks may never come to free
  /// it.
  ~MpiHandle();
  MpiHandle(const MpiHandle&) = delete;
  MpiHandle& operator=(const MpiHandle&) = delete;
  MpiHandle(MpiHandle&&) = delete;
  MpiHandle& operator=(MpiHandle&&) = delete;

  [[nodiscard]] MPI_Comm get() const noexcept { return handle_; }
  [[nodiscard]] int rank() const;
  [[nodiscard]] int size() const;

 private:
  MPI_Comm handle_;
  int exceptions_before_;
};

/// The ranks of an MPI job, over a duplicate of MPI_COMM_WORLD so that no other traffic can meet
/// ours; or a group of them. MPI counts in `int`; arrays of any length travel in pieces of at most `max_elements`. See
/// `make_mpi_communicator`.
class MpiCommunicator final : public Communicator {
 public:
  explicit MpiCommunicator(std::int64_t max_elements);
  /// COLLECTIVE over `all`: see `Communicator::split`.
  MpiCommunicator(const MpiCommunicator& all, int group);

  [[nodiscard]] int rank() const noexcept override { return rank_; }
  [[nodiscard]] int size() const noexcept override { return size_; }
  [[nodiscard]] int local_rank() const noexcept override { return local_rank_; }
  [[nodiscard]] int local_size() const noexcept override { return local_size_; }

  void barrier() override;
  void allreduce(std::span<std::int64_t> values, ReduceOp op) override;
  void allreduce(std::span<std::uint64_t> values, ReduceOp op) override;
  void allreduce(std::span<float> values, ReduceOp op) override;
  void allreduce(std::span<double> values, ReduceOp op) override;
  void broadcast(std::span<std::byte> bytes, int root) override;
  [[nodiscard]] std::vector<std::vector<std::byte>> gather(std::span<const std::byte> bytes, int root) override;
  [[nodiscard]] std::unique_ptr<Communicator> split(int group) override;

 private:
  template <class T>
  void allreduce_integers(std::span<T> values, ReduceOp op);
  template <class T>
  void allreduce_floats(std::span<T> values, ReduceOp op);
  void send(std::span<const std::byte> bytes, int destination);
  void receive(std::span<std::byte> bytes, int source);

  std::size_t max_elements_;
  MpiHandle ranks_;
  int rank_;
  int size_;
  int local_rank_ = 0;
  int local_size_ = 1;
};

}  // namespace datus
