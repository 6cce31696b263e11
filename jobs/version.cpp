#include "command.hpp"
#include "datus/core/parallel.hpp"
#include "datus/core/simd_path.hpp"
#include "datus/model/backend.hpp"

#include <iostream>

namespace datus::jobs {

Command add_version(CLI::App& program) {
  CLI::App* parser = program.add_subcommand("version", "Version, libraries, devices and build options");
  return {parser, [](Communicator& comm) {
            if (comm.rank() != 0) return ExitCode::done;
            std::cout << "datus " << DATUS_VERSION << "\nbackend   " << torch_backend() << "\nkernels  ";
            for (const auto path : supported_simd_paths()) std::cout << " " << name(path);
            std::cout << "\ncores     " << available_cores() << "\nCUDA      "
                      << (DATUS_CUDA != 0 ? "built in" : "not built in") << std::endl;
            return ExitCode::done;
          }};
}

}  // namespace datus::jobs
