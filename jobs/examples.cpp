// SPDX-License-Identifier: Apache-2.0
#include "examples.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace datus::jobs {
namespace {

using Lines = std::string_view;

/// In the order of the program's help.
constexpr std::array<std::pair<std::string_view, Lines>, 23> examples = {{
    {"run",
     "  datus run --images photos --weights dinov2-s14\n"
     "  datus run mine.yaml\n"
     "  datus run mine.yaml --set cluster.k=27,31 --set model.input_size=448\n"
     "  mpirun -n 4 datus run mine.yaml --run /scratch/mine\n"},
    {"extract",
     "  datus extract mine.yaml\n"
     "  datus extract --images photos --weights dino.pth --out keys.h5\n"
     "  datus extract --images photo.jpg --weights dino.pth --out keys.h5 --set model.input_size=448\n"},
    {"segment",
     "  datus segment mine.yaml\n"
     "  datus segment --keys keys.h5 --out segments.h5 --set segment.min_patches=9\n"},
    {"describe",
     "  datus describe mine.yaml\n"
     "  datus describe --images photos --segments segments.h5 --weights dino.pth --out descriptors.h5\n"},
    {"cluster",
     "  datus cluster mine.yaml\n"
     "  datus cluster --descriptors descriptors.h5 --k 27,31 --out clusters.h5\n"
     "  datus cluster --assign other.h5:/matrix --centroids clusters.h5:/k027/centroids --out assigned.h5\n"},
    {"mask",
     "  datus mask mine.yaml\n"
     "  datus mask --segments segments.h5 --clusters clusters.h5:/k027 --images photos --out masks\n"
     "  datus mask --set preset=best --keys keys.h5 --clusters clusters.h5:/k027 --images photos --out masks\n"},
    {"evaluate",
     "  datus evaluate mine.yaml\n"
     "  datus evaluate --predictions masks --truth truth --classes 27 --json scores.json\n"},
    {"apply", "  datus apply runs/mine --images next-month --run runs/next-month\n"},
    {"export",
     "  datus export runs/mine --to class --names names.yaml\n"
     "  datus export runs/mine --to mmseg --k 27 --out /data/reef-mmseg --images copy\n"},
    {"report",
     "  datus report runs/mine\n"
     "  datus report mine.yaml --images 1000\n"
     "  datus report runs/mine --names names.yaml --k 27\n"},
    {"compare",
     "  datus compare runs/a runs/b\n"
     "  datus compare runs/a runs/b --k 27 --out compared\n"
     "  datus compare runs/a runs/a --k 20,27 --out k.html\n"},
    {"leaderboard",
     "  datus leaderboard runs/a runs/b\n"
     "  datus leaderboard runs/* --protocol strict --format latex --out table.tex\n"},
    {"sweep",
     "  datus sweep sweep.yaml --list\n"
     "  mpirun -n 4 datus sweep sweep.yaml\n"},
    {"inspect",
     "  datus inspect dino.pth\n"
     "  datus inspect keys.h5\n"
     "  datus inspect --verify runs/mine\n"},
    {"clean",
     "  datus clean --dry-run runs/mine\n"
     "  datus clean runs/mine\n"},
    {"plan",
     "  datus plan mine.yaml\n"
     "  datus plan mine.yaml --nodes 8\n"},
    {"preflight", "  srun --mpi=pmix datus preflight mine.yaml\n"},
    {"config",
     "  datus config\n"
     "  datus config mine.yaml --set cluster.k=27\n"},
    {"datasets",
     "  datus datasets\n"
     "  datus datasets voc > mine_set.yaml\n"},
    {"weights",
     "  datus weights list\n"
     "  datus weights get dinov2-s14\n"
     "  datus run --images photos --weights dinov2-s14\n"},
    {"manual", "  datus manual datus-run | man -l -\n"},
    {"completion", "  source <(datus completion bash)\n"},
    {"version", "  datus version\n"},
}};

}  // namespace

std::string examples_of(const std::string& command) {
  const auto found = std::ranges::find(examples, command, &std::pair<std::string_view, Lines>::first);
  return found == examples.end() ? std::string() : "Examples:\n" + std::string(found->second);
}

}  // namespace datus::jobs
