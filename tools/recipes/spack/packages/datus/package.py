# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

from spack.package import *


class Datus(CMakePackage, CudaPackage):
    """Dense semantic masks from an unlabelled image collection and a frozen self-supervised vision transformer,
    as an MPI job."""

    # The clone that this recipe lies in: `spack install datus` builds what is checked out there.
    git = Path(__file__).resolve().parents[5].as_uri()

    maintainers = []
    license("Apache-2.0")

    version("main", branch="main")

    variant("tiff", default=True, description="Read TIFF images")
    variant("webp", default=True, description="Read WebP images")
    variant("download", default=True, description="Fetch weights by name")

    depends_on("cxx", type="build")
    depends_on("cmake@3.25:", type="build")
    depends_on("ninja", type="build")
    depends_on("mpi")
    depends_on("py-torch")
    depends_on("py-torch+cuda", when="+cuda")
    depends_on("nccl@2.18:", when="+cuda")
    depends_on("cuda@12:", when="+cuda")
    depends_on("hdf5~mpi")
    depends_on("eigen@3.3:")
    depends_on("yaml-cpp")
    depends_on("spdlog")
    depends_on("nlohmann-json")
    depends_on("cli11")
    depends_on("libpng")
    depends_on("zlib-api")
    depends_on("libdeflate")
    depends_on("libjpeg-turbo")
    depends_on("xxhash")
    depends_on("libtiff@4.5:", when="+tiff")
    depends_on("libwebp", when="+webp")
    depends_on("curl@7.85:", when="+download")
    depends_on("openssl", when="+download")

    conflicts("%gcc@:11", msg="datus needs C++20 as GCC has it from version 12 on")

    def cmake_args(self):
        torch = join_path(python_platlib, "torch", "share", "cmake", "Torch")
        arguments = [
            self.define("Torch_DIR", join_path(self.spec["py-torch"].prefix, torch)),
            self.define("DATUS_TESTS", False),
            self.define_from_variant("DATUS_CUDA", "cuda"),
            self.define_from_variant("DATUS_TIFF", "tiff"),
            self.define_from_variant("DATUS_WEBP", "webp"),
            self.define_from_variant("DATUS_DOWNLOAD", "download"),
        ]
        if "+cuda" in self.spec:
            arguments.append(self.define("CMAKE_CUDA_ARCHITECTURES", self.spec.variants["cuda_arch"].value))
        return arguments
