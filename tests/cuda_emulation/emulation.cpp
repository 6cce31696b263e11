#include "cuda_runtime.h"

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
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

struct StreamState {
  std::deque<std::function<void()>> work;
  bool running = false;
};

struct EventState {
  StreamState* stream = nullptr;
  /// Counts records; the last one that was passed.
  std::uint64_t recorded = 0;
  std::uint64_t passed = 0;
};

namespace {

/// One device for all threads of the host: it does one thing at a time.
std::recursive_mutex& device_mutex() {
  static std::recursive_mutex mutex;
  return mutex;
}

std::map<void*, std::size_t>& allocations() {
  static std::map<void*, std::size_t> of_device;
  return of_device;
}

std::vector<StreamState*>& streams() {
  static std::vector<StreamState*> all;
  return all;
}

std::map<const void*, std::size_t>& raised_shared_memory() {
  static std::map<const void*, std::size_t> of_kernels;
  return of_kernels;
}

thread_local int current_device = 0;
thread_local cudaError_t last_error = cudaSuccess;

cudaError_t fail(cudaError_t error) {
  last_error = error;
  return error;
}

void run_one(StreamState& stream) {
  const auto work = std::move(stream.work.front());
  stream.work.pop_front();
  work();
}

void drain(StreamState& stream) {
  const std::scoped_lock lock(device_mutex());
  while (!stream.work.empty()) run_one(stream);
}

void drain_until(EventState& event, std::uint64_t mark) {
  const std::scoped_lock lock(device_mutex());
  while (event.passed < mark && event.stream != nullptr && !event.stream->work.empty()) run_one(*event.stream);
}

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

/// Lets those go on that have all arrived: a warp's threads, or the block's. Threads that are done count as arrived, as
/// they do on a card.
bool release(Block& block) {
  bool released = false;
  const std::size_t count = block.fibers.size();
  for (std::size_t warp = 0; warp < count; warp += 32) {
    const auto begin = block.fibers.begin() + static_cast<std::ptrdiff_t>(warp);
    const auto end = block.fibers.begin() + static_cast<std::ptrdiff_t>(std::min(count, warp + 32));
    const bool some = std::any_of(begin, end, [](const Fiber& f) { return f.state == Fiber::State::warp; });
    const bool all = std::all_of(
        begin, end, [](const Fiber& f) { return f.state == Fiber::State::warp || f.state == Fiber::State::done; });
    if (!some || !all) continue;
    for (auto fiber = begin; fiber != end; ++fiber) {
      block.exchanged[static_cast<std::size_t>(fiber - block.fibers.begin())] = fiber->brought;
      if (fiber->state == Fiber::State::warp) fiber->state = Fiber::State::ready;
    }
    released = true;
  }
  if (released) return true;
  const bool all = std::all_of(block.fibers.begin(), block.fibers.end(), [](const Fiber& f) {
    return f.state == Fiber::State::block || f.state == Fiber::State::done;
  });
  if (!all) return false;
  for (Fiber& fiber : block.fibers) {
    if (fiber.state != Fiber::State::block) continue;
    fiber.state = Fiber::State::ready;
    released = true;
  }
  return released;
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
    for (std::size_t i = 0; i < block.fibers.size(); ++i) {
      if (block.fibers[i].state == Fiber::State::ready) resume(block, i);
    }
    if (release(block)) continue;
    const bool all_done = std::all_of(block.fibers.begin(), block.fibers.end(),
                                      [](const Fiber& f) { return f.state == Fiber::State::done; });
    if (all_done) return;
    throw std::logic_error("emulated CUDA: threads of a block wait at different barriers");
  }
}

}  // namespace

Machine& machine() {
  static Machine one;
  return one;
}

std::size_t memory_in_use() {
  const std::scoped_lock lock(device_mutex());
  std::size_t bytes = 0;
  for (const auto& [pointer, size] : allocations()) bytes += size;
  return bytes;
}

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

void enqueue(StreamState* stream, std::function<void()> work) {
  const std::scoped_lock lock(device_mutex());
  stream->work.push_back(std::move(work));
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

std::size_t shared_memory_limit(const void* kernel) {
  const std::scoped_lock lock(device_mutex());
  const auto raised = raised_shared_memory().find(kernel);
  return raised == raised_shared_memory().end() ? std::size_t{48} << 10U : raised->second;
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

using namespace cuda_emulation;

const char* cudaGetErrorName(cudaError_t error) {
  return error == cudaSuccess                 ? "cudaSuccess"
         : error == cudaErrorMemoryAllocation ? "cudaErrorMemoryAllocation"
                                              : "cudaError";
}
const char* cudaGetErrorString(cudaError_t error) {
  return error == cudaSuccess                   ? "no error"
         : error == cudaErrorMemoryAllocation   ? "out of memory"
         : error == cudaErrorNoDevice           ? "no CUDA-capable device is detected"
         : error == cudaErrorInsufficientDriver ? "CUDA driver version is insufficient for CUDA runtime version"
                                                : "emulated error";
}
cudaError_t cudaGetLastError() {
  return std::exchange(last_error, cudaSuccess);
}
cudaError_t cudaDriverGetVersion(int* version) {
  *version = machine().driver_version;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}
cudaError_t cudaGetDeviceCount(int* count) {
  if (machine().driver_version < 13000) return fail(cudaErrorInsufficientDriver);
  if (machine().devices == 0) return fail(cudaErrorNoDevice);
  *count = machine().devices;
  return cudaSuccess;
}
cudaError_t cudaGetDevice(int* device) {
  *device = current_device;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) {
  if (device < 0 || device >= machine().devices) return fail(cudaErrorInvalidDevice);
  current_device = device;
  return cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (device < 0 || device >= machine().devices) return fail(cudaErrorInvalidDevice);
  *properties = {};
  std::strcpy(properties->name, "Emulated GPU");
  properties->uuid.bytes[15] = static_cast<char>(device);
  properties->totalGlobalMem = machine().memory;
  properties->major = 9;
  properties->multiProcessorCount = 4;
  return cudaSuccess;
}
cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute attribute, int value) {
  if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize || value < 0 || value > 227 << 10) {
    return fail(cudaErrorInvalidValue);
  }
  const std::scoped_lock lock(device_mutex());
  raised_shared_memory()[kernel] = static_cast<std::size_t>(value);
  return cudaSuccess;
}
cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  *total = machine().memory;
  *free = machine().memory - std::min(machine().memory, memory_in_use());
  return cudaSuccess;
}
cudaError_t cudaMalloc(void** pointer, std::size_t bytes) {
  const std::scoped_lock lock(device_mutex());
  if (memory_in_use() + bytes > machine().memory) return fail(cudaErrorMemoryAllocation);
  *pointer = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
  std::memset(*pointer, 0xFF, bytes);
  allocations()[*pointer] = bytes;
  return cudaSuccess;
}
cudaError_t cudaFree(void* pointer) {
  if (pointer == nullptr) return cudaSuccess;
  const std::scoped_lock lock(device_mutex());
  // As on a card: all work ends first.
  for (StreamState* stream : streams()) drain(*stream);
  if (allocations().erase(pointer) == 0) return fail(cudaErrorInvalidValue);
  std::free(pointer);
  return cudaSuccess;
}
cudaError_t cudaMallocHost(void** pointer, std::size_t bytes) {
  *pointer = std::malloc(bytes);
  std::memset(*pointer, 0xFF, bytes);
  return cudaSuccess;
}
cudaError_t cudaFreeHost(void* pointer) {
  std::free(pointer);
  return cudaSuccess;
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind, cudaStream_t stream) {
  enqueue(stream, [=] { std::memmove(to, from, bytes); });
  return cudaSuccess;
}
cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t stream) {
  enqueue(stream, [=] { std::memset(to, value, bytes); });
  return cudaSuccess;
}
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  const std::scoped_lock lock(device_mutex());
  *stream = new StreamState;
  streams().push_back(*stream);
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  const std::scoped_lock lock(device_mutex());
  drain(*stream);
  std::erase(streams(), stream);
  delete stream;
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  drain(*stream);
  return cudaSuccess;
}
cudaError_t cudaStreamQuery(cudaStream_t stream) {
  const std::scoped_lock lock(device_mutex());
  return stream->work.empty() ? cudaSuccess : cudaErrorNotReady;
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  const std::scoped_lock lock(device_mutex());
  const std::uint64_t mark = event->recorded;
  enqueue(stream, [event, mark] { drain_until(*event, mark); });
  return cudaSuccess;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = new EventState;
  return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  const std::scoped_lock lock(device_mutex());
  // Marks of it may still stand in streams.
  for (StreamState* stream : streams()) drain(*stream);
  delete event;
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  const std::scoped_lock lock(device_mutex());
  event->stream = stream;
  const std::uint64_t mark = ++event->recorded;
  enqueue(stream, [event, mark] { event->passed = mark; });
  return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  drain_until(*event, event->recorded);
  return cudaSuccess;
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
  const std::scoped_lock lock(device_mutex());
  return event->passed == event->recorded ? cudaSuccess : cudaErrorNotReady;
}
