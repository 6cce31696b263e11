// SPDX-License-Identifier: Apache-2.0
#include "datus/core/error.hpp"
#include "datus/core/names.hpp"
#include "datus/io/image_reader.hpp"
#include "datus/io/image_writer.hpp"
#include "datus/io/mask_file.hpp"
#include "datus/io/streamed_file.hpp"
#include "pipeline/export/export_writer.hpp"

#include <set>

#include <nlohmann/json.hpp>

namespace datus {
namespace {

using Json = nlohmann::ordered_json;

/// The name of a case, which is in no folder: "a/b.jpg" gives "a__b".
std::string case_of(const std::string& image) {
  std::string name;
  for (const char c : stem_of(image)) name += c == '/' ? std::string("__") : std::string(1, c);
  return name;
}

void require_different_cases(const ImageList& list) {
  std::set<std::string> cases;
  for (const ListedImage& image : list.images) {
    if (cases.insert(case_of(image.name)).second) continue;
    throw UsageError("The image " + image.name + " cannot be exported to nnunet",
                     "another one has the name " + case_of(image.name) + " too, where there are no folders",
                     "Rename one of them.");
  }
}

/// imagesTr, labelsTr and dataset.json. nnU-Net reads no JPEG, wants its background to be 0, and what it is to ignore
/// to be the largest label: class c is c + 1.
class Nnunet : public ExportWriter {
 public:
  explicit Nnunet(const ExportTask& task) : task_(task) { require_different_cases(task.list); }

  std::string add(const ExportedImage& image, const ExportedLabels& labels) override {
    const std::string name = case_of(image.listed.name);
    write_png(with_folders(task_.folder / "imagesTr" / (name + "_0000.png")),
              read_image(labels.photo, task_.orientation));
    LabelMap map = labels.classes;
    for (std::int32_t& label : map.labels) label = label == no_label ? ignored() : label + 1;
    write_grey_mask(with_folders(task_.folder / "labelsTr" / (name + ".png")), map, ignored() + 1);
    return {};
  }
  void append(const ExportedImage&, const std::string&) override { ++cases_; }

  void finish(bool has_void) override {
    Json labels = {{"background", 0}};
    for (int i = 0; i < task_.classes.count(); ++i) {
      labels[label_name(task_.classes.names[static_cast<std::size_t>(i)])] = i + 1;
    }
    if (has_void) labels["ignore"] = ignored();
    const Json json = {{"channel_names", {{"0", "R"}, {"1", "G"}, {"2", "B"}}},
                       {"labels", std::move(labels)},
                       {"numTraining", cases_},
                       {"file_ending", ".png"},
                       {"overwrite_image_reader_writer", "NaturalImage2DIO"},
                       {"description", description_of(task_)}};
    StreamedFile file(task_.folder / "dataset.json");
    file.append(json.dump(1) + "\n");
    file.close();
  }

 private:
  [[nodiscard]] int ignored() const { return task_.classes.count() + 1; }
  /// Two names mean something to nnU-Net.
  static std::string label_name(const std::string& name) {
    return name == "background" || name == "ignore" ? name + "_class" : name;
  }

  ExportTask task_;
  std::int64_t cases_ = 0;
};

}  // namespace

std::unique_ptr<ExportWriter> make_nnunet(const ExportTask& task) {
  return std::make_unique<Nnunet>(task);
}

}  // namespace datus
