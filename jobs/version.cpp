// SPDX-License-Identifier: Apache-2.0
#include "datus/core/version.hpp"

#include "command.hpp"
#include "datus/comm/device_communicator.hpp"
#include "datus/core/gpu.hpp"
#include "datus/core/parallel.hpp"
#include "datus/core/simd_path.hpp"
#include "datus/core/text.hpp"
#include "datus/io/image_reader.hpp"
#include "datus/model/backend.hpp"

#include <iostream>

namespace datus::jobs {
namespace {

std::string cuda_text(const GpuSurvey& survey) {
  if (!built_with_cuda()) return "not built in";
  return (survey.versions.empty() ? "built in" : survey.versions) + ", NCCL " + nccl_version();
}

std::string images_note() {
  const std::string libraries = image_libraries();
  return libraries.empty() ? " (built without libtiff and libwebp)" : " (with " + libraries + ")";
}

void print_gpus(const GpuSurvey& survey) {
  if (survey.gpus.empty()) std::cout << "GPUs      none: " << survey.problem << ". " << survey.advice << "\n";
  for (const Gpu& gpu : survey.gpus) {
    const std::string label = "GPU " + std::to_string(gpu.index);
    std::cout << label << std::string(label.size() < 10 ? 10 - label.size() : 1, ' ') << gpu.name << ", "
              << size_text(gpu.memory_bytes) << ", compute capability " << gpu.compute_major << "." << gpu.compute_minor
              << ", " << gpu.uuid << "\n";
  }
  if (!survey.gpus.empty() && !survey.left_out.empty()) std::cout << "not used  " << survey.left_out << "\n";
}

}  // namespace

Command add_version(CLI::App& program) {
  CLI::App* parser = program.add_subcommand("version", "Version, libraries, devices and build options");
  return {parser, [](Communicator& comm) {
            if (comm.rank() != 0) return ExitCode::done;
            const GpuSurvey survey = survey_gpus();
            std::cout << "datus " << version() << "\nbackend   " << torch_backend() << "\nkernels  ";
            for (const auto path : supported_simd_paths()) std::cout << " " << name(path);
            std::cout << "\nimages    " << readable_image_types(", ") << images_note() << "\ncores     "
                      << available_cores() << "\nCUDA      " << cuda_text(survey) << "\n";
            print_gpus(survey);
            std::cout << std::flush;
            return ExitCode::done;
          }};
}

}  // namespace datus::jobs
