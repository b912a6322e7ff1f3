#include "engine/registry.h"

#include <algorithm>
#include <iterator>

namespace edgekit {
namespace {

constexpr const char* kRemedy = "build edgekit with EDGEKIT_WITH_TORCH=ON";

}  // namespace

Result<EngineFactory> find_engine(EngineTable engines, const Package& package) {
  for (const EngineFactory& row : engines) {
    if (std::find(row.kinds.begin(), row.kinds.end(), package.kind) != row.kinds.end()) return row;
  }
  return runtime_error("this build of edgekit has no engine for " + package.path + ", a " +
                       std::string(model_kind_name(package.kind)) + " model; " + kRemedy);
}

Status check_quantized_engine(const EngineFactory& row, const Package& package) {
  const std::string needed = package.manifest ? package.manifest->quantized_engine : "";
  if (needed.empty()) return {};
  const auto engines = row.quantized_engines == nullptr ? std::vector<std::string>() : row.quantized_engines();
  if (std::find(engines.begin(), engines.end(), needed) != engines.end()) return {};
  std::string names;
  for (const std::string& engine : engines) names += (names.empty() ? "" : ", ") + engine;
  return runtime_error(package.path + " needs the quantized engine " + needed + ", but " + row.version() + " has " +
                       (names.empty() ? "none" : names) + "; export the model for one of these engines");
}

std::string runtime_versions(EngineTable engines) {
  std::vector<std::string> versions;
  for (const EngineFactory& row : engines) {
    const std::string version = row.version();
    if (std::find(versions.begin(), versions.end(), version) == versions.end()) versions.push_back(version);
  }
  std::string text;
  for (const std::string& version : versions) text += (text.empty() ? "" : ", ") + version;
  return text.empty() ? "none" : text;
}

Result<std::vector<OperatorInfo>> runtime_operators(EngineTable engines) {
  if (engines.empty()) return runtime_error(std::string("this build of edgekit has no engine; ") + kRemedy);
  std::vector<OperatorInfo> all;
  for (const EngineFactory& row : engines) {
    if (row.operators == nullptr) continue;
    EK_ASSIGN(auto operators, row.operators());
    std::move(operators.begin(), operators.end(), std::back_inserter(all));
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  const auto same = [](const auto& a, const auto& b) { return a.name == b.name; };
  all.erase(std::unique(all.begin(), all.end(), same), all.end());
  return all;
}

}  // namespace edgekit
