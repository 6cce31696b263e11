// SPDX-License-Identifier: Apache-2.0
#include "recorded_operations.hpp"

#include "device.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/InferenceMode.h>
#include <torch/library.h>

namespace datus::torch_gpu {
namespace {

using Values = std::vector<c10::IValue>;

/// One that LibTorch keeps for tests such as these: operations come here first where it is switched on.
constexpr auto key = c10::DispatchKey::TESTING_ONLY_GenericMode;

cudaStream_t& current_stream() {
  static thread_local cudaStream_t of_thread = nullptr;
  return of_thread;
}

void* memory_of(const at::Tensor& tensor) {
  return tensor.defined() && tensor.has_storage() ? const_cast<void*>(static_cast<const void*>(tensor.storage().data()))
                                                  : nullptr;
}

/// The same place in memory, which may be given to others meanwhile, as addresses in a graph may.
at::Tensor address_of(const at::Tensor& tensor, cudaStream_t stream) {
  if (!tensor.defined() || tensor.numel() == 0) return tensor;
  cuda_emulation::use_memory(stream, tensor.data_ptr());
  return at::from_blob(
      tensor.data_ptr(), tensor.sizes(), tensor.strides(), [](void*) {}, tensor.options());
}

c10::IValue address_of(const c10::IValue& value, cudaStream_t stream) {
  if (value.isTensor()) return address_of(value.toTensor(), stream);
  if (!value.isTensorList()) return value;
  c10::List<at::Tensor> all;
  for (const at::Tensor& tensor : value.toTensorVector()) all.push_back(address_of(tensor, stream));
  return all;
}

/// Which argument the operation writes to, or none.
const c10::IValue* written(const c10::FunctionSchema& schema, const Values& arguments) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const auto* const alias = schema.arguments()[i].alias_info();
    if (alias != nullptr && alias->isWrite()) return &arguments[i];
  }
  return nullptr;
}

bool is_view(const at::Tensor& result, const Values& arguments) {
  return std::ranges::any_of(arguments, [&](const c10::IValue& argument) {
    return argument.isTensor() && memory_of(argument.toTensor()) != nullptr &&
           memory_of(argument.toTensor()) == memory_of(result);
  });
}

void enqueue(cudaStream_t stream, const c10::OperatorHandle& operation, const Values& arguments,
             const at::Tensor& result) {
  Values addresses;
  for (const c10::IValue& argument : arguments) addresses.push_back(address_of(argument, stream));
  const at::Tensor to = result.defined() ? address_of(result, stream) : at::Tensor();
  cuda_emulation::enqueue(stream, [=] {
    const c10::InferenceMode inference;
    const c10::impl::ExcludeDispatchKeyGuard inside(key);
    torch::jit::Stack stack = addresses;
    operation.callBoxed(&stack);
    if (to.defined()) to.copy_(stack.back().toTensor());
  });
}

void run(const c10::OperatorHandle& operation, torch::jit::Stack* stack) {
  const c10::impl::ExcludeDispatchKeyGuard inside(key);
  cudaStream_t const stream = current_stream();
  const c10::FunctionSchema& schema = operation.schema();
  const auto arguments_of_stack = torch::jit::last(*stack, schema.arguments().size());
  const Values arguments(arguments_of_stack.begin(), arguments_of_stack.end());
  const c10::IValue* const target = written(schema, arguments);
  const bool records = stream != nullptr && cuda_emulation::is_recording(stream);
  if (target != nullptr && records) {
    enqueue(stream, operation, arguments, {});
    torch::jit::drop(*stack, arguments.size());
    stack->push_back(*target);
    return;
  }
  // What it reads may be anything while the stream records: it is the shape of its result that counts then.
  operation.callBoxed(stack);
  const bool is_one = schema.returns().size() == 1 && stack->back().isTensor();
  // Views and tensors without values are no work.
  const bool is_place =
      is_one && (is_view(stack->back().toTensor(), arguments) || schema.name().starts_with("aten::empty"));
  if (target == nullptr && is_place) return;
  if (!records) {
    const std::scoped_lock lock(cuda_emulation::device_mutex());
    ++cuda_emulation::mutable_counters().operations;
    return;
  }
  TORCH_CHECK(is_one, schema.name(), " cannot be recorded by the emulation");
  enqueue(stream, operation, arguments, stack->back().toTensor());
}

}  // namespace

TORCH_LIBRARY_IMPL(_, TESTING_ONLY_GenericMode, library) {
  library.fallback(torch::CppFunction::makeFromBoxedFunction<&run>());
}

OperationsOfStream::OperationsOfStream(cudaStream_t stream)
    : before_(std::exchange(current_stream(), stream)), guard_(key) {}

OperationsOfStream::~OperationsOfStream() {
  current_stream() = before_;
}

cudaStream_t stream_of_operations() {
  return current_stream();
}

}  // namespace datus::torch_gpu
