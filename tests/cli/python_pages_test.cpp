// SPDX-License-Identifier: Apache-2.0
#include "cli/exported_run.hpp"
#include "cli/suite_folder.hpp"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>

// The Python on the pages of docs, as it stands there.
namespace datus::test {
namespace python_pages_test {

namespace fs = std::filesystem;

/// $DATUS_PYTHON, for a virtual environment, or that of the system.
std::string python() {
  const char* named = std::getenv("DATUS_PYTHON");
  return named == nullptr ? "/usr/bin/python3" : named;
}

/// The blocks of a page in their order.
std::string blocks_of(const std::string& page) {
  std::istringstream lines(bytes_of(source_path("docs/" + page)));
  std::string code;
  bool is_code = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("```")) {
      is_code = line == "```python";
    } else if (is_code) {
      code += line + "\n";
    }
  }
  return code;
}

class PythonPages : public SuiteFolder<PythonPages> {
 protected:
  static void SetUpTestSuite() {
    const Outcome outcome = make_exported_run(suite_folder().path());
    ASSERT_EQ(outcome.code, 0) << outcome;
    fs::create_directories(suite_folder() / "runs");
    fs::rename(suite_folder() / "run", suite_folder() / "runs/mine");
  }
  [[nodiscard]] static bool has(const std::string& modules) {
    return Process({python(), "-c", "import " + modules}, "/").wait(std::chrono::seconds(60)).code == 0;
  }
  static Outcome exported(const std::string& format, const std::string& out) {
    return run_program({"export", "runs/mine", "--to", format, "--out", out}, {.folder = suite_folder().path()});
  }
  /// Runs the page's code in the folder that has runs/mine.
  static Outcome run_page(const std::string& page) {
    write_bytes(suite_folder() / "page.py", blocks_of(page));
    return Process({python(), "page.py"}, suite_folder().path()).wait(std::chrono::seconds(200));
  }
};

TEST_F(PythonPages, ARunFromPython) {
  if (!has("numpy, h5py, PIL"))
    GTEST_SKIP() << python() << " lacks h5py or Pillow (apt install python3-h5py python3-pil)";
  ASSERT_EQ(exported("hdf5", "runs/mine/export/k003-hdf5").code, 0);
  const Outcome outcome = run_page("python.md");
  EXPECT_EQ(outcome.code, 0) << outcome;
  EXPECT_NE(outcome.out.find("5 images, the first a.png of 64 x 40\n"), std::string::npos) << outcome;
  EXPECT_NE(outcome.out.find("values of K: [3]\n"), std::string::npos) << outcome;
  EXPECT_NE(outcome.out.find("a.png (40, 64) ['sea floor', 'rock: a/b']\n"), std::string::npos) << outcome;
  // The same page on the same masks in HDF5 files.
  const Outcome packed = run_program({"run", "mine.yaml", "--run", "runs/mine", "--set", "mask.formats=hdf5"},
                                     {.folder = suite_folder().path()});
  ASSERT_EQ(packed.code, 0) << packed;
  ASSERT_FALSE(fs::exists(suite_folder() / "runs/mine/masks/k003"));
  const auto but_for_the_seconds = [](const std::string& out) { return out.substr(0, out.find(" segments, ")); };
  const Outcome again = run_page("python.md");
  EXPECT_EQ(again.code, 0) << again;
  EXPECT_EQ(but_for_the_seconds(again.out), but_for_the_seconds(outcome.out));
}

TEST_F(PythonPages, TrainingOnMasks) {
  if (!has("numpy, PIL, torch"))
    GTEST_SKIP() << python() << " lacks PyTorch or Pillow (apt install python3-torch python3-pil)";
  ASSERT_EQ(exported("mmseg", "train").code, 0);
  const Outcome outcome = run_page("training.md");
  EXPECT_EQ(outcome.code, 0) << outcome;
  std::istringstream words(outcome.out.substr(outcome.out.find("agrees with ") + 12));
  double percent = 0;
  words >> percent;
  EXPECT_GT(percent, 80) << outcome;
}

}  // namespace python_pages_test
}  // namespace datus::test
