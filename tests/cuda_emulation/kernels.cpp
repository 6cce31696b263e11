// SPDX-License-Identifier: Apache-2.0
#include "cuda_runtime.h"

#include <algorithm>
#include <deque>
#include <memory>
#include <stdexcept>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#define EMULATION_ADDRESS_SANITIZER 1
#else
#define EMULATION_ADDRESS_SANITIZER 0
#endif

// Keeps the registers that a function must keep on this stack, its top in *from, and goes on from those at `to`. What
// swapcontext does, without its system calls, which would take most of a test's time.
extern "C" void emulation_switch(void** from, void* to);
asm(R"(
.text
.globl emulation_switch
.type emulation_switch, @function
emulation_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size emulation_switch, .-emulation_switch
)");

namespace cuda_emulation {
namespace {

/// One CUDA thread.
struct Fiber {
  /// The top of its stack, while another one runs.
  void* context = nullptr;
  char* stack = nullptr;
  Place place;
  /// What it waits for.
  enum class State { ready, block, warp, done } state = State::ready;
  std::uint64_t brought = 0;
  /// Copies to shared memory: those of each commit, the last not committed yet.
  std::deque<std::vector<std::function<void()>>> copies{1};
};

constexpr std::size_t stack_bytes = std::size_t{128} << 10;

/// The stack of a block's CUDA thread, kept for the next block: to make them anew each time takes longer than most
/// tests.
char* stack_of(std::size_t index) {
  static thread_local std::vector<std::unique_ptr<char[]>> stacks;
  while (stacks.size() <= index) stacks.push_back(std::make_unique_for_overwrite<char[]>(stack_bytes));
  return stacks[index].get();
}

/// The block that runs now.
struct Block {
  std::vector<Fiber> fibers;
  void* scheduler = nullptr;
  std::size_t current = 0;
  const std::function<void()>* body = nullptr;
  std::vector<std::uint64_t> exchanged;
  std::vector<std::byte> shared;
  void* scheduler_fake_stack = nullptr;
  const void* scheduler_stack = nullptr;
  std::size_t scheduler_stack_bytes = 0;
};

Block*& running_block() {
  static thread_local Block* block = nullptr;
  return block;
}

void start_switch([[maybe_unused]] void** fake, [[maybe_unused]] const void* stack,
                  [[maybe_unused]] std::size_t bytes) {
#if EMULATION_ADDRESS_SANITIZER
  __sanitizer_start_switch_fiber(fake, stack, bytes);
#endif
}

void finish_switch([[maybe_unused]] void* fake, [[maybe_unused]] const void** stack,
                   [[maybe_unused]] std::size_t* bytes) {
#if EMULATION_ADDRESS_SANITIZER
  __sanitizer_finish_switch_fiber(fake, stack, bytes);
#endif
}

void back_to_scheduler(Fiber::State state) {
  Block& block = *running_block();
  Fiber& fiber = block.fibers[block.current];
  fiber.state = state;
  void* fake = nullptr;
  start_switch(state == Fiber::State::done ? nullptr : &fake, block.scheduler_stack, block.scheduler_stack_bytes);
  emulation_switch(&fiber.context, block.scheduler);
  finish_switch(fake, &block.scheduler_stack, &block.scheduler_stack_bytes);
}

void run_fiber() {
  Block& block = *running_block();
  finish_switch(nullptr, &block.scheduler_stack, &block.scheduler_stack_bytes);
  (*block.body)();
  back_to_scheduler(Fiber::State::done);
}

/// The context of a fiber that has not begun: what emulation_switch takes from its stack leads to run_fiber.
void* fresh_context(char* stack) {
  const auto top = (reinterpret_cast<std::uintptr_t>(stack) + stack_bytes) / 16 * 16;
#if EMULATION_ADDRESS_SANITIZER
  // The last fiber here never returned from its outermost functions, and left the marks around their variables.
  constexpr std::size_t outermost = 4096;
  __asan_unpoison_memory_region(stack + stack_bytes - outermost, outermost);
#endif
  auto* const words = reinterpret_cast<void**>(top);
  words[-1] = nullptr;
  words[-2] = reinterpret_cast<void*>(&run_fiber);
  std::fill(words - 8, words - 2, nullptr);
  return words - 8;
}

void resume(Block& block, std::size_t index) {
  block.current = index;
  Fiber& fiber = block.fibers[index];
  start_switch(&block.scheduler_fake_stack, fiber.stack, stack_bytes);
  emulation_switch(&block.scheduler, fiber.context);
  finish_switch(block.scheduler_fake_stack, nullptr, nullptr);
}

/// Lets the threads of a warp go on when all have arrived. Threads that are done count as arrived, as they do on a
/// card.
bool release_warp(Block& block, std::size_t warp) {
  const std::size_t count = block.fibers.size();
  const auto begin = block.fibers.begin() + static_cast<std::ptrdiff_t>(warp);
  const auto end = block.fibers.begin() + static_cast<std::ptrdiff_t>(std::min(count, warp + 32));
  const bool some = std::any_of(begin, end, [](const Fiber& f) { return f.state == Fiber::State::warp; });
  const bool all = std::all_of(
      begin, end, [](const Fiber& f) { return f.state == Fiber::State::warp || f.state == Fiber::State::done; });
  if (!some || !all) return false;
  for (auto fiber = begin; fiber != end; ++fiber) {
    block.exchanged[static_cast<std::size_t>(fiber - block.fibers.begin())] = fiber->brought;
    if (fiber->state == Fiber::State::warp) fiber->state = Fiber::State::ready;
  }
  return true;
}

/// The same for the threads of the block.
bool release_block(Block& block) {
  const bool all = std::all_of(block.fibers.begin(), block.fibers.end(), [](const Fiber& f) {
    return f.state == Fiber::State::block || f.state == Fiber::State::done;
  });
  if (!all) return false;
  bool released = false;
  for (Fiber& fiber : block.fibers) {
    if (fiber.state != Fiber::State::block) continue;
    fiber.state = Fiber::State::ready;
    released = true;
  }
  return released;
}

/// Runs a warp until its threads wait for others or are done.
void run_warp(Block& block, std::size_t warp) {
  const std::size_t end = std::min(block.fibers.size(), warp + 32);
  do {
    for (std::size_t i = warp; i < end; ++i) {
      if (block.fibers[i].state == Fiber::State::ready) resume(block, i);
    }
  } while (release_warp(block, warp));
}

void run_block(Block& block, const Place& of_block) {
  for (std::size_t i = 0; i < block.fibers.size(); ++i) {
    Fiber& fiber = block.fibers[i];
    fiber.place = of_block;
    const unsigned width = of_block.block_size.x;
    const unsigned height = of_block.block_size.y;
    const auto number = static_cast<unsigned>(i);
    fiber.place.thread = {number % width, number / width % height, number / width / height};
    fiber.state = Fiber::State::ready;
    fiber.copies.assign(1, {});
    fiber.context = fresh_context(fiber.stack);
  }
  std::fill(block.shared.begin(), block.shared.end(), std::byte{0xFF});
  while (true) {
    // One warp as far as it comes, then the next: what is missing between them, a barrier of the block, then shows.
    for (std::size_t warp = 0; warp < block.fibers.size(); warp += 32) run_warp(block, warp);
    if (release_block(block)) continue;
    const bool all_done = std::all_of(block.fibers.begin(), block.fibers.end(),
                                      [](const Fiber& f) { return f.state == Fiber::State::done; });
    if (all_done) return;
    throw std::logic_error("emulated CUDA: threads of a block wait at different barriers");
  }
}

}  // namespace

Place& place() {
  Block& block = *running_block();
  return block.fibers[block.current].place;
}

void run_grid(dim3 blocks, dim3 threads, std::size_t shared_bytes, const std::function<void()>& body) {
  Block block;
  block.body = &body;
  block.fibers.resize(std::size_t{threads.x} * threads.y * threads.z);
  block.exchanged.resize(block.fibers.size());
  block.shared.resize(shared_bytes + 16);
  for (std::size_t i = 0; i < block.fibers.size(); ++i) block.fibers[i].stack = stack_of(i);
  Block* const before = std::exchange(running_block(), &block);
  for (unsigned z = 0; z < blocks.z; ++z) {
    for (unsigned y = 0; y < blocks.y; ++y) {
      for (unsigned x = 0; x < blocks.x; ++x) run_block(block, {{}, {x, y, z}, threads, blocks});
    }
  }
  running_block() = before;
}

void block_barrier() {
  back_to_scheduler(Fiber::State::block);
}

void warp_barrier() {
  back_to_scheduler(Fiber::State::warp);
}

std::uint64_t exchange(std::uint64_t mine, int from) {
  Block& block = *running_block();
  const std::size_t self = block.current;
  block.fibers[self].brought = mine;
  warp_barrier();
  const std::size_t other = self / 32 * 32 + static_cast<std::size_t>(from);
  return other < block.exchanged.size() ? block.exchanged[other] : mine;
}

unsigned ballot(bool predicate) {
  Block& block = *running_block();
  const std::size_t first = block.current / 32 * 32;
  block.fibers[block.current].brought = predicate ? 1 : 0;
  warp_barrier();
  unsigned bits = 0;
  for (std::size_t i = first; i < std::min(first + 32, block.exchanged.size()); ++i) {
    const bool takes_part = block.fibers[i].state != Fiber::State::done;
    if (takes_part && block.exchanged[i] != 0) bits |= 1U << (i - first);
  }
  return bits;
}

int lane() {
  return static_cast<int>(running_block()->current % 32);
}

void* shared_memory() {
  auto address = reinterpret_cast<std::uintptr_t>(running_block()->shared.data());
  address = (address + 15) / 16 * 16;
  return reinterpret_cast<void*>(address);
}

void start_copy(std::function<void()> copy) {
  Block& block = *running_block();
  block.fibers[block.current].copies.back().push_back(std::move(copy));
}

void commit_copies() {
  Block& block = *running_block();
  block.fibers[block.current].copies.emplace_back();
}

void wait_for_copies(std::size_t pending) {
  Block& block = *running_block();
  auto& copies = block.fibers[block.current].copies;
  while (copies.size() > pending + 1) {
    for (const auto& copy : copies.front()) copy();
    copies.pop_front();
  }
}

}  // namespace cuda_emulation
