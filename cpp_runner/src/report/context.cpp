#include "report/context.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "core/version.h"

namespace edgekit {
namespace {

using nlohmann::ordered_json;

// What follows `prefix` in the first line that begins with it; empty where no line does.
std::string line_after(const char* path, const std::string& prefix) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(prefix)) continue;
    const std::size_t begin = line.find_first_not_of(" \t:", prefix.size());
    return begin == std::string::npos ? "" : line.substr(begin);
  }
  return "";
}

// Kernels for ARM report the name of the board, not of the CPU.
std::string cpu_name() {
  std::string name = line_after("/proc/cpuinfo", "model name");
  if (name.empty()) name = line_after("/proc/device-tree/model", "");
  name.erase(std::find(name.begin(), name.end(), '\0'), name.end());
  return name;
}

ordered_json text_or_null(std::string text) {
  return text.empty() ? ordered_json(nullptr) : ordered_json(std::move(text));
}

}  // namespace

ordered_json runtime_context(const std::string& runtime) {
  return {{"edgekit", kVersion},
          {"runtime", runtime},
          {"cpu", text_or_null(cpu_name())},
          {"cores", std::thread::hardware_concurrency()},
          {"governor", text_or_null(line_after("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", ""))},
          {"load_average", text_or_null(line_after("/proc/loadavg", ""))}};
}

ordered_json model_context(const Model& model) {
  const Package& package = model.package();
  ordered_json context = runtime_context(model.runtime_version());
  // Without a manifest, the name of the file identifies the model.
  context["package"] = package.manifest ? package.manifest->name : std::filesystem::path(package.path).stem().string();
  context["weights"] = package.manifest ? ordered_json(package.manifest->weights) : ordered_json(nullptr);
  context["engine"] = model.engine_name();
  context["threads"] = model.threads();
  context["pool"] = model.pool() == Pool::kXnnpack ? "xnnpack" : "openmp";
  return context;
}

std::string document(ordered_json context, ordered_json results) {
  const ordered_json root{{"schema_version", "1.0"}, {"context", std::move(context)}, {"results", std::move(results)}};
  // JSON is UTF-8, and a path may be anything.
  return root.dump(1, ' ', true, ordered_json::error_handler_t::replace);
}

std::size_t peak_rss_bytes() {
  // getrusage would include the memory of the parent before exec.
  const std::string text = line_after("/proc/self/status", "VmHWM");
  return text.empty() ? 0 : std::stoul(text) * 1024;
}

}  // namespace edgekit
