// SPDX-License-Identifier: Apache-2.0
// Whether the program's GPU libraries fit each other: a call into each, which needs no card. Loading the wrong one of
// two copies would show only later, on a cluster.

#include <string>
#include <vector>

#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <cublas_v2.h>
#include <cuda_runtime.h>
#include <gtest/gtest.h>
#include <link.h>
#include <nccl.h>
#include <torch/cuda.h>
#include <torch/version.h>

namespace datus {
namespace {

/// The files of this process whose name begins with `name`.
std::vector<std::string> loaded(const std::string& name) {
  struct Search {
    std::string name;
    std::vector<std::string> found = {};
  } search{"/" + name};
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* data) {
        auto& wanted = *static_cast<Search*>(data);
        const std::string path = info->dlpi_name;
        if (path.find(wanted.name) != std::string::npos) wanted.found.push_back(path);
        return 0;
      },
      &search);
  return search.found;
}

void expect_one(const std::string& name) {
  const auto files = loaded(name);
  EXPECT_EQ(files.size(), 1U) << name;
  for (const std::string& file : files) GTEST_LOG_(INFO) << file;
}

int runtime_version() {
  int version = 0;
  EXPECT_EQ(cudaRuntimeGetVersion(&version), cudaSuccess);
  return version;
}

TEST(GpuLibraries, CudaRuntime) {
  GTEST_LOG_(INFO) << "CUDA runtime " << runtime_version() << ", header " << CUDART_VERSION;
  // Within one major version they are compatible, newer ones with older headers.
  EXPECT_EQ(runtime_version() / 1000, CUDART_VERSION / 1000);
  EXPECT_GE(runtime_version(), CUDART_VERSION);
}

TEST(GpuLibraries, Cublas) {
  int major = 0;
  int minor = 0;
  ASSERT_EQ(cublasGetProperty(MAJOR_VERSION, &major), CUBLAS_STATUS_SUCCESS);
  ASSERT_EQ(cublasGetProperty(MINOR_VERSION, &minor), CUBLAS_STATUS_SUCCESS);
  GTEST_LOG_(INFO) << "cuBLAS " << major << "." << minor << ", header " << CUBLAS_VER_MAJOR << "." << CUBLAS_VER_MINOR
                   << ", for CUDA runtime " << cublasGetCudartVersion();
  EXPECT_EQ(major, CUBLAS_VER_MAJOR);
  EXPECT_GE(minor, CUBLAS_VER_MINOR);
  EXPECT_EQ(static_cast<int>(cublasGetCudartVersion()) / 1000, runtime_version() / 1000);
  expect_one("libcublas.so");
}

TEST(GpuLibraries, NcclHeaderAndLibraryAreOfOneVersion) {
  int version = 0;
  ASSERT_EQ(ncclGetVersion(&version), ncclSuccess);
  GTEST_LOG_(INFO) << "NCCL " << version << ", header " << NCCL_VERSION_CODE;
  EXPECT_EQ(version, NCCL_VERSION_CODE);
  expect_one("libnccl.so");
}

TEST(GpuLibraries, LibTorchHasCudaAndTheSameRuntime) {
  int count = 0;
  const bool has_card = cudaGetDeviceCount(&count) == cudaSuccess && count > 0;
  // Without a card this is "no", and neither a crash nor an exception.
  EXPECT_EQ(torch::cuda::is_available(), has_card);
  EXPECT_EQ(at::globalContext().hasCUDA(), has_card);
  const at::CUDAHooksInterface& hooks = at::detail::getCUDAHooks();
  EXPECT_TRUE(hooks.hasCUDART()) << "this LibTorch is for CPUs";
  GTEST_LOG_(INFO) << "LibTorch " << TORCH_VERSION << " for CUDA runtime " << hooks.versionCUDART();
  EXPECT_EQ(hooks.versionCUDART() / 1000, runtime_version() / 1000);
  // Two of them in one process would not see each other's streams.
  expect_one("libcudart.so");
}

}  // namespace
}  // namespace datus
