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

// What predict gives for a picture: classes, or boxes.
struct Answer {
  std::vector<ek_class> classes;
  std::vector<Box> boxes;
};

Json to_json(const std::string& file, const Answer& answer, const char* error, const PictureFiles& written) {
  Json labels = Json::array(), boxes = Json::array();
  for (const ek_class& it : answer.classes) labels.push_back({{"label", label_of(it)}, {"score", it.score}});
  for (const auto& [it, edges] : answer.boxes) {
    boxes.push_back({{"label", label_of(it)}, {"score", it.score}, {"box", edges}});
  }
  return {{"file", file},
          {"labels", std::move(labels)},
          {"boxes", std::move(boxes)},
          {"error", error == nullptr ? Json(nullptr) : Json(error)},
          {"mask", text_or_null(written.mask)},
          {"overlay", text_or_null(written.overlay)}};
}

std::string text_of(const std::array<float, 4>& edges) {
  std::string text;
  for (const float edge : edges) text += (text.empty() ? "" : ", ") + fixed(static_cast<double>(edge), 1);
  return text;
}

void print_answer(const std::string& path, const Answer& answer, const std::string& task, const RunOptions& options,
                  const PictureFiles& written) {
  std::string files = written.mask;
  if (!written.overlay.empty()) files += (files.empty() ? "" : ", ") + written.overlay;
  std::printf("%s:%s\n", printable(path).c_str(), files.empty() ? "" : (" -> " + printable(files)).c_str());
  std::vector<Row> rows;
  const auto score = [](const ek_class& it) { return "  " + fixed(static_cast<double>(it.score), 6); };
  for (const ek_class& it : answer.classes) rows.push_back({score(it), label_of(it)});
  for (const auto& [it, edges] : answer.boxes) rows.push_back({score(it), label_of(it), text_of(edges)});
  print_table(rows);
  if (task == "boxes" && rows.empty()) {
    std::printf("  no box with a score of at least %g (--min-score)\n", options.min_score);
  }
}

// The number of classes that predict gives; 1 where it is unknown, so that ek_model_predict reports why.
std::size_t class_count(const ek_model* model) {
  ek_spec scores;
  if (ek_model_output(model, "predict", 0, &scores) != EK_OK || scores.rank != 1) return 1;
  return static_cast<std::size_t>(std::max<int64_t>(1, scores.shape[0]));
}

// What `predict` of the package gives: "labels", "mask", "boxes" or a word that this runner does not know.
std::string task_of(const ek_model* model) {
  const std::string text = ek_model_manifest(model);
  if (text.empty()) return "labels";
  const Json manifest = parse_json(text);
  if (!manifest.contains("image") || !manifest["image"].is_object()) return "labels";
  const Json task = manifest["image"].value("task", Json());
  return task.is_string() ? task.get<std::string>() : "labels";
}

// The files to write for each picture. Refuses options that are for another kind of package.
std::vector<PictureFiles> files_for(const std::string& task, const RunOptions& options,
                                    const std::vector<std::string>& pictures) {
  if (options.min_score_given && task != "boxes") {
    throw Failure{EK_USAGE,
                  "--min-score is for boxes, and " + options.model.path + " gives " + task + "; leave --min-score out"};
  }
  if (!options.output.empty() && task == "boxes") {
    throw Failure{EK_USAGE, "-o " + options.output + ": " + options.model.path +
                                " gives boxes for pictures, not masks; use --overlay FILE.png to draw them, or --json"};
  }
  if (task == "mask" || task == "boxes") return picture_files(options, pictures);
  for (const auto& [option, value] : {std::pair("-o", options.output), std::pair("--overlay", options.overlay)}) {
    if (!value.empty()) {
      throw Failure{EK_USAGE, std::string(option) + " " + value + ": " + options.model.path +
                                  " gives no masks or boxes for pictures; leave " + option +
                                  " out, or pass arrays with --input"};
    }
  }
  return std::vector<PictureFiles>(pictures.size());
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

ek_status predict(ek_model* model, const char* path, const std::string& task, const PictureFiles& files,
                  const RunOptions& options, Answer& answer, ek_predict_times& times) {
  const std::size_t most = options.topk == 0 ? kMostLabels : options.topk;
  if (task == "mask") return segment(model, path, files, most, answer.classes, times);
  if (task == "boxes") return detect(model, path, files, options, answer.boxes, times);
  return classify(model, path, most, answer.classes, times);
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
  const std::string task = task_of(model.get());
  const std::vector<PictureFiles> wanted = files_for(task, options, files);
  if (!options.model.json) announce_weights(model.get());
  Json results = Json::array(), decode_ms = Json::array(), predict_ms = Json::array();
  int worst = EK_OK;
  std::size_t failed = 0;
  Progress progress(files.size());
  for (std::size_t i = 0; i < files.size(); ++i) {
    const std::string& file = files[i];
    Answer answer;
    ek_predict_times times{};
    progress.step();
    // A bad picture does not stop the others.
    const char* path = file == kStandardInput ? "/dev/stdin" : file.c_str();
    const ek_status status = predict(model.get(), path, task, wanted[i], options, answer, times);
    report_step();
    if (status != EK_OK) {
      std::fprintf(stderr, "edgekit-runner: %s\n", printable(ek_last_error()).c_str());
      results.push_back(to_json(file, {}, ek_last_error(), {}));
      worst = std::max<int>(worst, status);
      ++failed;
      continue;
    }
    results.push_back(to_json(file, answer, nullptr, wanted[i]));
    decode_ms.push_back(times.decode_ms);
    predict_ms.push_back(times.predict_ms);
    if (!options.model.json) print_answer(file, answer, task, options, wanted[i]);
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
