// SPDX-License-Identifier: Apache-2.0
#include "model/torch/single_thread.hpp"

#include <ATen/Parallel.h>
#include <dlfcn.h>

namespace datus {

void use_calling_thread_only() {
  // OpenMP keeps this setting per thread, and LibTorch reads it from there.
  if (at::get_num_threads() != 1) at::set_num_threads(1);
  // Only an OpenBLAS with threads of its own has this function; other libraries follow OpenMP's
  // setting.
  using SetThreads = void (*)(int);
  if (void* symbol = ::dlsym(RTLD_DEFAULT, "openblas_set_num_threads"); symbol != nullptr) {
    reinterpret_cast<SetThreads>(symbol)(1);
  }
}

}  // namespace datus
