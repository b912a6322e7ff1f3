#include "format/manifest.h"

#include <algorithm>

#include "format/json_fields.h"

namespace edgekit {
namespace {

using nlohmann::json;

TensorSpec read_spec(const json& node) {
  TensorHead head = read_head(node, Axes::kMayBeFree);
  (void)checked_count(head);
  return {std::move(head.name), head.dtype, std::move(head.shape), read_number(node, "low", 0.0),
          read_number(node, "high", 1.0)};
}

std::vector<TensorSpec> read_specs(const json& nodes) {
  auto specs = read_list(nodes, read_spec);
  check_names_differ(specs);
  return specs;
}

MethodSpec read_method(const json& node) {
  return {node.at("name").get<std::string>(), node.at("structure").get<std::string>(), read_specs(node.at("inputs")),
          read_specs(node.at("outputs"))};
}

void read_runtime(const json& runtime, Manifest& manifest) {
  const std::string pool = runtime.value("pool", "xnnpack");
  if (pool != "xnnpack" && pool != "openmp")
    throw BadField{"runtime.pool is '" + pool + "'; expected xnnpack or openmp"};
  manifest.pool = pool == "openmp" ? Pool::kOpenmp : Pool::kXnnpack;
  const auto threads = read_integer(runtime, "threads");
  if (!threads) return;
  if (*threads < 1 || *threads > kMostThreads) {
    throw BadField{"runtime.threads is " + std::to_string(*threads) + "; expected 1 to " +
                   std::to_string(kMostThreads)};
  }
  manifest.threads = static_cast<int>(*threads);
}

Manifest read_manifest(const json& root) {
  Manifest manifest;
  manifest.name = root.at("name").get<std::string>();
  const json& weights = root.at("provenance").at("weights");
  manifest.weights = weights.at("kind").get<std::string>();
  (void)read_integer(weights, "seed");  // only checked: a tool that shows it reads the text
  manifest.methods = read_list(root.at("methods"), read_method);
  check_names_differ(manifest.methods);
  read_runtime(root.at("runtime"), manifest);
  manifest.tolerance = read_tolerance(root.at("tolerance"));
  manifest.records = root.at("records").get<std::map<std::string, std::string>>();
  return manifest;
}

bool is_short_number(std::string_view text) {
  constexpr std::size_t kMostDigits = 6;
  return !text.empty() && text.size() <= kMostDigits && text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

const MethodSpec* Manifest::find_method(std::string_view method) const {
  const auto found =
      std::find_if(methods.begin(), methods.end(), [&](const auto& spec) { return spec.name == method; });
  return found == methods.end() ? nullptr : &*found;
}

Status check_schema_version(std::string_view what, const std::string& version) {
  const std::size_t dot = std::min(version.find('.'), version.size());
  if (!is_short_number(version.substr(0, dot)) || !is_short_number(version.substr(std::min(dot + 1, version.size())))) {
    return package_error("the " + std::string(what) + " has the schema_version '" + version +
                         "'; expected MAJOR.MINOR");
  }
  const int major = std::stoi(version.substr(0, dot));
  if (major <= kSchemaMajor) return {};
  return package_error("the " + std::string(what) + " has schema_version " + version + "; this runner reads up to " +
                       std::to_string(kSchemaMajor) + ".x, use a newer edgekit-runner");
}

Result<Manifest> parse_manifest(std::string_view text) {
  return read_document("manifest", text, read_manifest);
}

}  // namespace edgekit
