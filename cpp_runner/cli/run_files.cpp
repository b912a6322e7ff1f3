// The files of run PICTURE...: the mask, and the picture with its mask or its boxes drawn over it.
#include <algorithm>
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
    throw Failure{EK_USAGE, std::string(option) + " " + wanted +
                                ": pictures are written as PNG; expected a name that ends in .png"};
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

std::vector<PictureFiles> picture_files(const RunOptions& options, const std::vector<std::string>& pictures) {
  check_suffix("-o", options.output);
  check_suffix("--overlay", options.overlay);
  std::vector<std::string> read = pictures;
  read.push_back(options.model.path);
  std::vector<PictureFiles> files;
  std::set<std::string> written;
  for (const std::string& picture : pictures) {
    files.push_back(
        {path_for(options.output, picture, pictures.size()), path_for(options.overlay, picture, pictures.size())});
    check_path(files.back().mask, read, written);
    check_path(files.back().overlay, read, written);
  }
  return files;
}

}  // namespace runner
