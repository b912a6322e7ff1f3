// The masks of run PICTURE...: a file for each picture, and one with the mask drawn over the picture.
#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <functional>
#include <set>

#include "run.h"

namespace runner {
namespace {

namespace fs = std::filesystem;

// With several pictures, each adds its name before the suffix.
std::string path_for(const std::string& wanted, const std::string& picture, std::size_t count) {
  if (wanted.empty() || count == 1) return wanted;
  std::string stem = fs::path(picture).stem().string();
  const auto is_plain = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '.' || c == '-'; };
  std::replace_if(stem.begin(), stem.end(), std::not_fn(is_plain), '_');
  const fs::path path(wanted);
  return fs::path(path).replace_filename(path.stem().string() + "." + stem + path.extension().string()).string();
}

void check_suffix(const char* option, const std::string& wanted) {
  std::string suffix = fs::path(wanted).extension().string();
  std::transform(suffix.begin(), suffix.end(), suffix.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (!wanted.empty() && suffix != ".png") {
    throw Failure{EK_USAGE,
                  std::string(option) + " " + wanted + ": masks are PNG files; expected a name that ends in .png"};
  }
}

void check_path(const std::string& path, const std::vector<std::string>& read, std::set<std::string>& written) {
  if (path.empty()) return;
  if (!written.insert(path).second) {
    throw Failure{EK_USAGE, path + " would be written twice; choose other names, or run the pictures one by one"};
  }
  for (const std::string& other : read) {
    std::error_code error;
    if (fs::equivalent(path, other, error)) {
      throw Failure{EK_USAGE, path + " is read by this run; choose another file for the output"};
    }
  }
}

}  // namespace

bool gives_masks(const ek_model* model) {
  const std::string text = ek_model_manifest(model);
  if (text.empty()) return false;
  const Json manifest = parse_json(text);
  return manifest.contains("image") && manifest["image"].is_object() &&
         manifest["image"].value("task", Json()) == "mask";
}

std::vector<MaskFiles> mask_files(const RunOptions& options, const std::vector<std::string>& pictures) {
  check_suffix("-o", options.output);
  check_suffix("--overlay", options.overlay);
  std::vector<std::string> read = pictures;
  read.push_back(options.model.path);
  std::vector<MaskFiles> files;
  std::set<std::string> written;
  for (const std::string& picture : pictures) {
    files.push_back(
        {path_for(options.output, picture, pictures.size()), path_for(options.overlay, picture, pictures.size())});
    check_path(files.back().mask, read, written);
    check_path(files.back().overlay, read, written);
  }
  return files;
}

ek_status segment(ek_model* model, const char* picture, const MaskFiles& files, std::size_t most,
                  std::vector<ek_class>& classes, ek_predict_times& times) {
  const auto path = [](const std::string& text) { return text.empty() ? nullptr : text.c_str(); };
  ek_values* raw = nullptr;
  if (const ek_status status = ek_model_segment(model, picture, path(files.mask), path(files.overlay), &raw, &times)) {
    return status;
  }
  const ValuesPtr values(raw);
  ek_tensor mask;
  check(ek_values_get(values.get(), 0, &mask, nullptr));
  std::array<std::size_t, 256> counts{};
  const auto* pixels = static_cast<const unsigned char*>(mask.data);
  for (std::size_t i = 0; i < mask.size_bytes; ++i) ++counts[pixels[i]];
  classes.clear();
  for (std::size_t index = 0; index < counts.size(); ++index) {
    if (counts[index] == 0) continue;
    const auto number = static_cast<std::int64_t>(index);
    const double share = static_cast<double>(counts[index]) / static_cast<double>(mask.size_bytes);
    classes.push_back({number, static_cast<float>(share), ek_model_label(model, number)});
  }
  std::stable_sort(classes.begin(), classes.end(),
                   [](const ek_class& a, const ek_class& b) { return a.score > b.score; });
  classes.resize(std::min(most, classes.size()));
  return EK_OK;
}

}  // namespace runner
