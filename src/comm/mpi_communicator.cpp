// SPDX-License-Identifier: Apache-2.0
#include "comm/mpi_communicator.hpp"

#include "comm/mpi_check.hpp"
#include "comm/mpi_factory.hpp"
#include "comm/reduction.hpp"

#include <algorithm>
#include <exception>
#include <limits>
#include <string>

namespace datus {
namespace {

/// The only kind of point-to-point message; it needs no other tag, as the communicator is our own.
constexpr int gather_tag = 1;

std::size_t checked_piece(std::int64_t max_elements) {
  if (max_elements >= 1 && max_elements <= std::numeric_limits<int>::max())
    return static_cast<std::size_t>(max_elements);
  throw Error(ExitCode::failure, "MPI messages of " + std::to_string(max_elements) + " elements were asked for",
              "MPI counts in int", "Choose a length from 1 to 2147483647.");
}

void require_running_mpi() {
  int initialized = 0;
  int finalized = 0;
  require_mpi(MPI_Initialized(&initialized), "MPI_Initialized");
  require_mpi(MPI_Finalized(&finalized), "MPI_Finalized");
  if (initialized != 0 && finalized == 0) return;
  throw SystemError("an MPI communicator was asked for", "MPI is not running",
                    "Start the program with mpirun or srun, and ask inside run_distributed.");
}

MPI_Comm duplicate_world() {
  require_running_mpi();
  MPI_Comm copy = MPI_COMM_NULL;
  require_mpi(MPI_Comm_dup(MPI_COMM_WORLD, &copy), "MPI_Comm_dup");
  return copy;
}

MPI_Comm split_by_node(MPI_Comm world) {
  MPI_Comm node = MPI_COMM_NULL;
  require_mpi(MPI_Comm_split_type(world, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node), "MPI_Comm_split_type");
  return node;
}

MPI_Comm split_by_group(MPI_Comm all, int group, int rank) {
  require_valid_group(group);
  MPI_Comm part = MPI_COMM_NULL;
  require_mpi(MPI_Comm_split(all, group, rank, &part), "MPI_Comm_split");
  return part;
}

MPI_Op mpi_op(ReduceOp op) {
  switch (op) {
    case ReduceOp::sum:
      return MPI_SUM;
    case ReduceOp::min:
      return MPI_MIN;
    case ReduceOp::max:
      return MPI_MAX;
  }
  return MPI_OP_NULL;
}

MPI_Datatype mpi_type(std::int32_t) {
  return MPI_INT32_T;
}
MPI_Datatype mpi_type(std::int64_t) {
  return MPI_INT64_T;
}
MPI_Datatype mpi_type(std::uint64_t) {
  return MPI_UINT64_T;
}

/// Calls action(piece) for consecutive pieces of at most `longest` elements.
template <class T, class Action>
void for_pieces(std::span<T> values, std::size_t longest, const Action& action) {
  while (!values.empty()) {
    const auto piece = values.first(std::min(values.size(), longest));
    action(piece);
    values = values.subspan(piece.size());
  }
}

}  // namespace

MpiHandle::MpiHandle(MPI_Comm handle) : handle_(handle), exceptions_before_(std::uncaught_exceptions()) {
  require_mpi(MPI_Comm_set_errhandler(handle_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
}

MpiHandle::~MpiHandle() {
  if (std::uncaught_exceptions() > exceptions_before_) return;
  warn_mpi(MPI_Comm_free(&handle_), "MPI_Comm_free");
}

int MpiHandle::rank() const {
  int result = 0;
  require_mpi(MPI_Comm_rank(handle_, &result), "MPI_Comm_rank");
  return result;
}

int MpiHandle::size() const {
  int result = 0;
  require_mpi(MPI_Comm_size(handle_, &result), "MPI_Comm_size");
  return result;
}

MpiCommunicator::MpiCommunicator(std::int64_t max_elements)
    : max_elements_(checked_piece(max_elements)),
      ranks_(duplicate_world()),
      rank_(ranks_.rank()),
      size_(ranks_.size()) {
  const MpiHandle node(split_by_node(ranks_.get()));
  local_rank_ = node.rank();
  local_size_ = node.size();
}

MpiCommunicator::MpiCommunicator(const MpiCommunicator& all, int group)
    : max_elements_(all.max_elements_),
      ranks_(split_by_group(all.ranks_.get(), group, all.rank_)),
      rank_(ranks_.rank()),
      size_(ranks_.size()),
      local_rank_(all.local_rank_),
      local_size_(all.local_size_) {}

void MpiCommunicator::barrier() {
  require_mpi(MPI_Barrier(ranks_.get()), "MPI_Barrier");
}

template <class T>
void MpiCommunicator::allreduce_integers(std::span<T> values, ReduceOp op) {
  for_pieces(values, max_elements_, [&](std::span<T> piece) {
    require_mpi(MPI_Allreduce(MPI_IN_PLACE, piece.data(), static_cast<int>(piece.size()), mpi_type(T{}), mpi_op(op),
                              ranks_.get()),
                "MPI_Allreduce");
  });
}

void MpiCommunicator::allreduce(std::span<std::int64_t> values, ReduceOp op) {
  allreduce_integers(values, op);
}
void MpiCommunicator::allreduce(std::span<std::uint64_t> values, ReduceOp op) {
  allreduce_integers(values, op);
}

// MPI's own minimum of -0 and +0 is whichever came first; as integers the values have one order.
template <class T>
void MpiCommunicator::allreduce_floats(std::span<T> values, ReduceOp op) {
  require_reducible(std::span<const T>(values), op);
  constexpr std::size_t keys_in_memory = std::size_t{1} << 20U;
  std::vector<OrderedKey<T>> keys;
  for_pieces(values, keys_in_memory, [&](std::span<T> piece) {
    keys.resize(piece.size());
    std::ranges::transform(piece, keys.begin(), to_ordered_key<T>);
    allreduce_integers(std::span(keys), op);
    std::ranges::transform(keys, piece.begin(), from_ordered_key<T>);
  });
}

void MpiCommunicator::allreduce(std::span<float> values, ReduceOp op) {
  allreduce_floats(values, op);
}
void MpiCommunicator::allreduce(std::span<double> values, ReduceOp op) {
  allreduce_floats(values, op);
}

void MpiCommunicator::broadcast(std::span<std::byte> bytes, int root) {
  require_valid_root(*this, root);
  for_pieces(bytes, max_elements_, [&](std::span<std::byte> piece) {
    require_mpi(MPI_Bcast(piece.data(), static_cast<int>(piece.size()), MPI_BYTE, root, ranks_.get()), "MPI_Bcast");
  });
}

void MpiCommunicator::send(std::span<const std::byte> bytes, int destination) {
  for_pieces(bytes, max_elements_, [&](std::span<const std::byte> piece) {
    require_mpi(MPI_Send(piece.data(), static_cast<int>(piece.size()), MPI_BYTE, destination, gather_tag, ranks_.get()),
                "MPI_Send");
  });
}

void MpiCommunicator::receive(std::span<std::byte> bytes, int source) {
  for_pieces(bytes, max_elements_, [&](std::span<std::byte> piece) {
    require_mpi(MPI_Recv(piece.data(), static_cast<int>(piece.size()), MPI_BYTE, source, gather_tag, ranks_.get(),
                         MPI_STATUS_IGNORE),
                "MPI_Recv");
  });
}

// Lengths first, then one rank after the other: MPI_Gatherv would count the total in int.
std::vector<std::vector<std::byte>> MpiCommunicator::gather(std::span<const std::byte> bytes, int root) {
  require_valid_root(*this, root);
  const auto length = static_cast<std::uint64_t>(bytes.size());
  std::vector<std::uint64_t> lengths(rank_ == root ? static_cast<std::size_t>(size_) : 0);
  require_mpi(MPI_Gather(&length, 1, MPI_UINT64_T, lengths.data(), 1, MPI_UINT64_T, root, ranks_.get()), "MPI_Gather");
  if (rank_ != root) {
    send(bytes, root);
    return {};
  }
  std::vector<std::vector<std::byte>> result(lengths.size());
  for (int r = 0; r < size_; ++r) {
    auto& piece = result[static_cast<std::size_t>(r)];
    if (r == root) {
      piece.assign(bytes.begin(), bytes.end());
    } else {
      piece.resize(lengths[static_cast<std::size_t>(r)]);
      receive(piece, r);
    }
  }
  return result;
}

std::unique_ptr<Communicator> MpiCommunicator::split(int group) {
  return std::make_unique<MpiCommunicator>(*this, group);
}

std::unique_ptr<Communicator> make_mpi_communicator(std::int64_t max_elements) {
  return std::make_unique<MpiCommunicator>(max_elements);
}

}  // namespace datus
