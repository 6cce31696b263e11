// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comm/cuda/nccl_group.hpp"
#include "datus/comm/device_communicator.hpp"
#include "datus/comm/gpu_choice.hpp"

#include <optional>
#include <string>

namespace datus {

/// NCCL between the ranks of `comm`, one GPU each. What waits for other ranks is asked for again and again and has an
/// end; the first failure is final: NCCL is aborted, which frees the GPU, and each later call fails with the same text.
class NcclCommunicator final : public DeviceCommunicator {
 public:
  /// COLLECTIVE. Throws `AgreedError` on all ranks when it does not start on one.
  NcclCommunicator(Communicator& comm, int gpu, const DeviceTimeouts& timeouts);
  /// COLLECTIVE. Waits for the collectives in flight and ends in order; aborts where that fails, takes too long, or an
  /// exception is on its way, when the others may never come.
  ~NcclCommunicator() override;
  NcclCommunicator(const NcclCommunicator&) = delete;
  NcclCommunicator& operator=(const NcclCommunicator&) = delete;
  NcclCommunicator(NcclCommunicator&&) = delete;
  NcclCommunicator& operator=(NcclCommunicator&&) = delete;

  void allreduce_sum(std::int64_t* values, std::int64_t count, const cuda::Stream& stream) override;
  void wait(const cuda::Stream& stream) override;
  [[nodiscard]] std::string description() const override;

 private:
  /// Marks in the stream of the last collectives.
  struct Marks {
    cuda::Event before;  ///< where this rank is ready for the first one that is in flight
    cuda::Event after;   ///< where the last one is done
  };

  void prepare(RankCard& card);
  void start(const RankCard& card);
  [[nodiscard]] bool in_flight() const;
  void require_intact() const;
  void require_healthy();
  void finish();
  [[noreturn]] void give_up(const std::string& problem, const std::string& why);

  Communicator& comm_;
  int gpu_;
  DeviceTimeouts timeouts_;
  int exceptions_before_;
  std::optional<Marks> marks_;
  NcclGroup group_;
  std::optional<SystemError> failure_;
};

}  // namespace datus
