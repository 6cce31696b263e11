// SPDX-License-Identifier: Apache-2.0
// Makes each call that libdatus_faults.so stands in front of and prints what it gave back, one line each: "write 10",
// or "write ENOSPC". Usage: faults_probe FOLDER [threads|mpi]

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <mpi.h>
#include <sys/uio.h>
#include <unistd.h>

namespace {

constexpr std::array<char, 10> bytes{'0', '1', '2', '3', '4', '5', '6', '7', '8', '9'};

void print(const char* call, long result) {
  if (result < 0) {
    std::printf("%s %s\n", call, ::strerrorname_np(errno));
  } else {
    std::printf("%s %ld\n", call, result);
  }
  // What a killed process has said before must be there.
  (void)std::fflush(stdout);
}

/// Success of an open is 0: the number of the descriptor says nothing.
int print_open(const char* call, int descriptor) {
  print(call, descriptor < 0 ? -1 : 0);
  return descriptor;
}

void use_descriptors(const std::string& folder) {
  const std::string temporary = folder + "/.one.tmp-1";
  const int file = print_open("open", ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  print("write", ::write(file, bytes.data(), bytes.size()));
  print("write again", ::write(file, bytes.data(), bytes.size()));
  std::array<char, 10> copy = bytes;
  const std::array<iovec, 2> pieces{iovec{copy.data(), 6}, iovec{copy.data() + 6, 4}};
  print("writev", ::writev(file, pieces.data(), 2));
  print("pwrite", ::pwrite(file, bytes.data(), bytes.size(), 0));
  print("ftruncate", ::ftruncate(file, 25));
  print("fsync", ::fsync(file));
  print("fdatasync", ::fdatasync(file));
  const int parent = print_open("open folder", ::openat(AT_FDCWD, folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  print("fsync folder", ::fsync(parent));
  print("close", ::close(file));
  print("rename", std::rename(temporary.c_str(), (folder + "/one").c_str()));
  print("renameat", ::renameat(AT_FDCWD, (folder + "/one").c_str(), AT_FDCWD, (folder + "/two").c_str()));
  (void)::close(parent);
}

void use_streams(const std::string& folder) {
  std::FILE* file = std::fopen((folder + "/stream").c_str(), "wb");
  print("fopen", file == nullptr ? -1 : 0);
  if (file == nullptr) return;
  const std::size_t written = std::fwrite(bytes.data(), 1, bytes.size(), file);
  print("fwrite", written == bytes.size() ? static_cast<long>(written) : -1);
  print("fclose", std::fclose(file) == 0 ? 0 : -1);
}

/// 1,000 writes by four threads; prints how many failed.
void use_threads(const std::string& folder) {
  std::atomic<int> failures{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const int file = ::open((folder + "/thread" + std::to_string(t)).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
      for (int i = 0; i < 250; ++i) {
        if (::write(file, bytes.data(), bytes.size()) < 0) ++failures;
      }
      (void)::close(file);
    });
  }
  for (auto& thread : threads) thread.join();
  print("failures", failures.load());
}

void use_mpi() {
  (void)MPI_Init(nullptr, nullptr);
  (void)MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  for (const int count : {1, 5, 5, 1, 5}) {
    std::array<int, 5> values{1, 2, 3, 4, 5};
    const int result = MPI_Allreduce(MPI_IN_PLACE, values.data(), count, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    std::printf("MPI_Allreduce %d: %s, %d\n", count, result == MPI_SUCCESS ? "ok" : "failed", values.back());
    (void)std::fflush(stdout);
  }
  (void)MPI_Finalize();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string folder = argc > 1 ? argv[1] : ".";
  const std::string what = argc > 2 ? argv[2] : "";
  if (what == "threads") {
    use_threads(folder);
  } else if (what == "mpi") {
    use_mpi();
  } else {
    use_descriptors(folder);
    use_streams(folder);
  }
  std::puts("end");
  return 0;
}
