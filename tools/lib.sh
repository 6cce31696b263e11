# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Shared by the scripts in tools/: packages, configuration, build. Source it; it sets `root` and where a compiler cache looks.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

debian_packages=(
  g++ cmake ninja-build ccache lld
  libopenmpi-dev openmpi-bin libtorch-dev libopenblas-dev libhdf5-dev libeigen3-dev libyaml-cpp-dev libcli11-dev
  libspdlog-dev nlohmann-json3-dev libturbojpeg0-dev libpng-dev libdeflate-dev libtiff-dev libwebp-dev libxxhash-dev
  libcurl4-openssl-dev libssl-dev libgtest-dev libbenchmark-dev
)

# A compiler cache finds what was compiled in another folder too: of a path into this tree it sees the part below it. Where
# it lies and how large it may become (5 GiB) are its own defaults, or $CCACHE_DIR and $CCACHE_MAXSIZE.
export CCACHE_BASEDIR=${CCACHE_BASEDIR:-$root} CCACHE_NOHASHDIR=1

say() { printf '\n== %s\n' "$*"; }

# Prints the packages of its arguments that dpkg does not list as installed.
missing_packages() {
  local package
  for package in "$@"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || printf '%s\n' "$package"
  done
}

# install_packages NAME...: installs what is missing where that can be done without a question; otherwise says what is
# missing and leaves the verdict to CMake, which finds libraries from modules, Spack or conda too.
install_packages() {
  if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    echo "No apt on this system: using the compilers and libraries that CMake finds."
    return 0
  fi
  local missing=() as_root=()
  mapfile -t missing < <(missing_packages "$@")
  if [ ${#missing[@]} -eq 0 ]; then
    echo "All Debian packages are installed."
    return 0
  fi
  if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
      as_root=(sudo)
    else
      echo "These Debian packages are missing, and installing them needs root: ${missing[*]}"
      echo "Ask for 'sudo apt-get install --no-install-recommends ${missing[*]}', or use modules, Spack or conda (README.md,"
      echo "\"Without root\"). Going on with what CMake finds."
      return 0
    fi
  fi
  say "Installing ${#missing[@]} Debian packages: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

require_tools() {
  local tool missing=()
  for tool in "$@"; do command -v "$tool" >/dev/null || missing+=("$tool"); done
  if [ ${#missing[@]} -gt 0 ]; then
    echo "Not found on PATH: ${missing[*]}. On a cluster: 'module load gcc cmake openmpi' (names differ by site), or" >&2
    echo "'spack install gcc cmake openmpi', or 'conda install -c conda-forge cxx-compiler cmake openmpi'. Then run this again." >&2
    exit 1
  fi
}

# configure PRESET [cmake arguments]: only when the build folder has no finished configuration of the same arguments yet.
configure() {
  local preset=$1 folder="$root/build/$1"
  shift
  # By all tools alike, so that none compiles anew what another has. With the compiler that has no warnings they are errors;
  # another one's new warning keeps nobody from building (but for tools/check, which asks for it).
  if [ "$preset" != asan ] && [[ $(c++ -dumpversion) = 12* && " $* " != *" -DDATUS_WARNINGS_AS_ERRORS="* ]]; then
    set -- -DDATUS_WARNINGS_AS_ERRORS=ON "$@"
  fi
  command -v ninja >/dev/null && export CMAKE_GENERATOR=Ninja
  if [ ! -f "$folder/.configured" ] || [ "$(cat "$folder/.configured")" != "$*" ]; then
    say "Configuring build/$preset"
    (cd "$root" && cmake --preset "$preset" "$@" >"/tmp/datus-configure.$$" 2>&1) || {
      grep -v '^--' "/tmp/datus-configure.$$" >&2
      rm -f "/tmp/datus-configure.$$"
      exit 1
    }
    rm -f "/tmp/datus-configure.$$"
    printf '%s' "$*" >"$folder/.configured"
  fi
}

# build PRESET [targets...]
build() {
  local preset=$1 targets=()
  shift
  [ $# -gt 0 ] && targets=(--target "$@")
  say "Building build/$preset"
  (cd "$root" && cmake --build --preset "$preset" --parallel "$(nproc)" "${targets[@]}" |
    { grep -vE '^\[[0-9]+/[0-9]+\] (Building|Linking)|^ninja: no work|Re-checking' || true; }
   exit "${PIPESTATUS[0]}")
}

# Prints the CUDA compiler; otherwise says on stderr why there is none, and fails.
cuda_compiler() {
  local nvcc version
  nvcc=$(command -v nvcc || command -v /usr/local/cuda/bin/nvcc) || { echo "there is no nvcc on PATH or in /usr/local/cuda/bin" >&2; return 1; }
  version=$("$nvcc" --version | sed -n 's/.*release \([0-9]*\).*/\1/p')
  [ "${version:-0}" -ge 12 ] || { echo "$nvcc is of CUDA ${version:-(unknown)}; 12 or later is needed" >&2; return 1; }
  echo "$nvcc"
}

# What every clone would fetch or find out anew.
cache=${XDG_CACHE_HOME:-${HOME:-$root/build}/.cache}/datus
torch_packages=$cache/torch-2.11.0-cuda

# Fetches PyPI's LibTorch with CUDA (about 3 GB), unless it is there or $DATUS_TORCH_PREFIX names another.
fetch_torch_with_cuda() {
  [ -z "${DATUS_TORCH_PREFIX:-}" ] && [ ! -d "$torch_packages" ] || return 0
  local folder
  mkdir -p "$cache" && folder=$(mktemp -d "$torch_packages.XXXXXX") || return 1
  if python3 -m venv "$folder/pip" && "$folder/pip/bin/pip" install --quiet --no-cache-dir --disable-pip-version-check \
    --target "$folder/packages" "torch==2.11.0"; then
    # The first of several clones gives its own to all.
    mv -T "$folder/packages" "$torch_packages" 2>/dev/null || true
  fi
  rm -rf "$folder"
  [ -d "$torch_packages" ]
}

# Prints where it is.
torch_with_cuda() {
  local prefix=${DATUS_TORCH_PREFIX:-$torch_packages/torch}
  [ -f "$prefix/share/cmake/Torch/TorchConfig.cmake" ] || { echo "no LibTorch in $prefix" >&2; return 1; }
  echo "$prefix"
}

# What mpirun needs to start more ranks than cores, and to start at all as root (containers).
mpi_environment() {
  export OMPI_MCA_mpi_yield_when_idle=1 OMPI_MCA_rmaps_base_oversubscribe=1
  if [ "$(id -u)" -eq 0 ]; then export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1; fi
}

# An OpenBLAS that is older than the processor takes its slowest kernels (Prescott), with which the model takes several times as
# long. Tests get those that a newer one would take; what datus itself does on such a machine stays as it is.
blas_environment() {
  local flags
  [ -z "${OPENBLAS_CORETYPE:-}" ] || return 0
  flags=$(grep -m 1 '^flags' /proc/cpuinfo 2>/dev/null) || return 0
  case " $flags " in
    *" avx512vl "*) export OPENBLAS_CORETYPE=SkylakeX ;;
    *" avx2 "*) export OPENBLAS_CORETYPE=Haswell ;;
  esac
}
