// SPDX-License-Identifier: Apache-2.0
#include "datus/core/error.hpp"
#include "model/vit/transformer.hpp"

#include <string>

#include <dlfcn.h>

namespace datus {
namespace {

[[noreturn]] void fail() {
  const char* problem = ::dlerror();
  throw SystemError("The part of datus that runs models cannot be loaded", problem == nullptr ? "unknown" : problem,
                    "It is " DATUS_TRANSFORMER_LIBRARY
                    ", beside the program or in the folder lib beside its bin, of the same version, and needs the "
                    "LibTorch that it was built with.");
}

/// Found by the program's own search path. LibTorch's BLAS is asked for by name, so all of it is global. It stays open
/// until the process ends, as libraries that come with a program do.
const TransformerLibrary& open_library() {
  void* library = ::dlopen(DATUS_TRANSFORMER_LIBRARY, RTLD_NOW | RTLD_GLOBAL);
  if (library == nullptr) fail();
  void* symbol = ::dlsym(library, DATUS_TRANSFORMER_SYMBOL);
  if (symbol == nullptr) fail();
  using Function = const TransformerLibrary* (*)();
  return *reinterpret_cast<Function>(symbol)();
}

}  // namespace

const TransformerLibrary& transformer_library() {
  static const TransformerLibrary& library = open_library();
  return library;
}

}  // namespace datus
