// run PICTURE...: pictures, folders of them or standard input, through the package's predict method.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <filesystem>

#include "isolate.h"
#include "run.h"
#include "table.h"

namespace runner {
namespace {

constexpr const char* kStandardInput = "-";

// Of other formats too, so that each of them gets a message that says what it is.
bool has_picture_name(const std::filesystem::path& path) {
  constexpr std::array kExtensions{".avif", ".heic", ".heif", ".jpeg", ".jpg", ".png", ".webp"};
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

bool is_picture(const std::filesystem::directory_entry& entry) {
  std::error_code error;
  return !entry.path().filename().string().starts_with(".") && has_picture_name(entry.path()) &&
         entry.is_regular_file(error);
}

// The given files; a folder is replaced by its pictures, sorted by name, without hidden files and without folders in
// it.
std::vector<std::string> expand(const std::vector<std::string>& arguments) {
  std::vector<std::string> files;
  for (const std::string& argument : arguments) {
    std::error_code error;
    if (!std::filesystem::is_directory(argument, error)) {
      files.push_back(argument);
      continue;
    }
    std::vector<std::string> inside;
    std::filesystem::directory_iterator entries(argument, error);
    if (error) throw Failure{EK_USAGE, "cannot read " + argument + ": " + error.message()};
    for (const auto& entry : entries) {
      if (is_picture(entry)) inside.push_back(entry.path().string());
    }
    if (inside.empty()) throw Failure{EK_USAGE, argument + " is a folder without pictures"};
    std::sort(inside.begin(), inside.end());
    files.insert(files.end(), inside.begin(), inside.end());
  }
  return files;
}

std::string label_of(const ek_class& it) {
  return *it.label == '\0' ? "class " + std::to_string(it.index) : it.label;
}

Json text_or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

Json to_json(const std::string& file, const std::vector<ek_class>& classes, const char* error,
             const MaskFiles& written) {
  Json labels = Json::array();
  for (const ek_class& it : classes) labels.push_back({{"label", label_of(it)}, {"score", it.score}});
  return {{"file", file},
          {"labels", std::move(labels)},
          {"error", error == nullptr ? Json(nullptr) : Json(error)},
          {"mask", text_or_null(written.mask)},
          {"overlay", text_or_null(written.overlay)}};
}

void print_classes(const std::string& path, const std::vector<ek_class>& classes, const MaskFiles& written) {
  std::string files = written.mask;
  if (!written.overlay.empty()) files += (files.empty() ? "" : ", ") + written.overlay;
  std::printf("%s:%s\n", printable(path).c_str(), files.empty() ? "" : (" -> " + printable(files)).c_str());
  std::vector<Row> rows;
  for (const ek_class& it : classes) rows.push_back({"  " + fixed(static_cast<double>(it.score), 6), label_of(it)});
  print_table(rows);
}

// The number of classes that predict gives; 1 where it is unknown, so that ek_model_predict reports why.
std::size_t class_count(const ek_model* model) {
  ek_spec scores;
  if (ek_model_output(model, "predict", 0, &scores) != EK_OK || scores.rank != 1) return 1;
  return static_cast<std::size_t>(std::max<int64_t>(1, scores.shape[0]));
}

// The files to write for each picture.
std::vector<MaskFiles> files_for(bool masks, const RunOptions& options, const std::vector<std::string>& pictures) {
  if (masks) return mask_files(options, pictures);
  for (const auto& [option, value] : {std::pair("-o", options.output), std::pair("--overlay", options.overlay)}) {
    if (!value.empty()) {
      throw Failure{EK_USAGE, std::string(option) + " " + value + ": " + options.model.path +
                                  " gives no masks for pictures; leave " + option +
                                  " out, or pass arrays with --input"};
    }
  }
  return std::vector<MaskFiles>(pictures.size());
}

// The labels of a picture, best first.
ek_status classify(ek_model* model, const char* path, std::size_t most, std::vector<ek_class>& classes,
                   ek_predict_times& times) {
  classes.resize(std::min(most, class_count(model)));
  std::size_t count = classes.size();
  const ek_status status = ek_model_predict(model, path, classes.data(), &count, &times);
  classes.resize(count);
  return status;
}

class Progress {
 public:
  // Results on the same terminal already show the progress.
  explicit Progress(std::size_t total)
      : total_(total), shown_(total > 1 && ::isatty(STDERR_FILENO) != 0 && ::isatty(STDOUT_FILENO) == 0) {}
  ~Progress() {
    if (shown_) std::fprintf(stderr, "\r\033[K");
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void step() {
    ++done_;
    if (shown_) std::fprintf(stderr, "\r%zu of %zu", done_, total_);
  }

 private:
  std::size_t total_;
  std::size_t done_ = 0;
  bool shown_;
};

}  // namespace

void run_pictures(const RunOptions& options) {
  const std::vector<std::string> files = expand(options.pictures);
  const ModelPtr model = load_model(options.model);
  const bool masks = gives_masks(model.get());
  const std::vector<MaskFiles> wanted = files_for(masks, options, files);
  if (!options.model.json) announce_weights(model.get());
  Json results = Json::array(), decode_ms = Json::array(), predict_ms = Json::array();
  int worst = EK_OK;
  std::size_t failed = 0;
  Progress progress(files.size());
  for (std::size_t i = 0; i < files.size(); ++i) {
    const std::string& file = files[i];
    std::vector<ek_class> classes;
    ek_predict_times times{};
    progress.step();
    // A bad picture does not stop the others.
    const char* path = file == kStandardInput ? "/dev/stdin" : file.c_str();
    const ek_status status = masks ? segment(model.get(), path, wanted[i], options.topk, classes, times)
                                   : classify(model.get(), path, options.topk, classes, times);
    report_step();
    if (status != EK_OK) {
      std::fprintf(stderr, "edgekit-runner: %s\n", printable(ek_last_error()).c_str());
      results.push_back(to_json(file, {}, ek_last_error(), {}));
      worst = std::max<int>(worst, status);
      ++failed;
      continue;
    }
    results.push_back(to_json(file, classes, nullptr, wanted[i]));
    decode_ms.push_back(times.decode_ms);
    predict_ms.push_back(times.predict_ms);
    if (!options.model.json) print_classes(file, classes, wanted[i]);
  }
  if (options.model.json) {
    Json context = model_context(model.get());
    context["decode_ms"] = std::move(decode_ms);
    context["predict_ms"] = std::move(predict_ms);
    print_document(std::move(context), std::move(results));
  }
  if (worst != EK_OK) {
    throw Failure{worst,
                  std::to_string(failed) + " of " + std::to_string(files.size()) + " pictures failed, see above"};
  }
}

}  // namespace runner
