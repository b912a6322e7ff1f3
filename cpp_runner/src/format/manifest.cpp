#include "format/manifest.h"

#include <algorithm>
#include <initializer_list>

#include "format/json_fields.h"

namespace edgekit {
namespace {

using nlohmann::json;

// The text, which must be one of `known`; empty where it is absent or null.
std::string read_word(const json& node, const char* key, std::initializer_list<std::string_view> known) {
  if (!node.contains(key) || node[key].is_null()) return "";
  const auto& word = node[key].get_ref<const std::string&>();
  if (std::find(known.begin(), known.end(), word) != known.end()) return word;
  std::string names;
  for (const std::string_view it : known) names += (names.empty() ? "" : ", ") + std::string(it);
  throw BadField{std::string(key) + " is '" + word + "'; expected one of " + names};
}

TensorSpec read_spec(const json& node) {
  TensorSpec spec;
  spec.name = node.at("name").get<std::string>();
  spec.dtype = read_dtype(node.at("dtype"));
  spec.axes = read_list(node.at("shape"), read_axis);
  for (const Axis& axis : spec.axes) spec.shape.push_back(axis.extent());
  (void)checked_count(spec.name, spec.shape);
  spec.low = read_number(node, "low", 0.0);
  spec.high = read_number(node, "high", 1.0);
  spec.unproven = read_word(node, "proof", {"varies", "constant", "unproven"}) == "unproven";
  return spec;
}

std::vector<TensorSpec> read_specs(const json& nodes) {
  auto specs = read_list(nodes, read_spec);
  check_names_differ(specs);
  return specs;
}

MethodSpec read_method(const json& node) {
  return {node.at("name").get<std::string>(), read_text_or_null(node.at("structure")), read_specs(node.at("inputs")),
          read_specs(node.at("outputs"))};
}

void read_runtime(const json& runtime, Manifest& manifest) {
  if (!runtime.is_object()) throw BadField{"runtime is " + runtime.dump() + "; expected an object"};
  manifest.pool = read_word(runtime, "pool", {"xnnpack", "openmp"}) == "openmp" ? Pool::kOpenmp : Pool::kXnnpack;
  manifest.quantized_engine = read_word(runtime, "quantized_engine", {"fbgemm", "x86", "onednn", "qnnpack"});
  const auto threads = read_integer(runtime, "threads");
  if (!threads) return;
  if (*threads < 1 || *threads > kMostThreads) {
    throw BadField{"runtime.threads is " + std::to_string(*threads) + "; expected 1 to " +
                   std::to_string(kMostThreads)};
  }
  manifest.threads = static_cast<int>(*threads);
}

std::uint64_t read_resize(const json& root) {
  const auto image = root.find("image");
  if (image == root.end() || !image->is_object()) return 0;
  const auto resize = read_integer(*image, "resize");
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, resize.value_or(0)));
}

std::string read_task(const json& root) {
  const auto image = root.find("image");
  if (image == root.end() || !image->is_object()) return std::string(kLabelsTask);
  const auto task = image->find("task");
  return task == image->end() || task->is_null() ? std::string(kLabelsTask) : task->get<std::string>();
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
  manifest.resize = read_resize(root);
  manifest.task = read_task(root);
  manifest.records = root.at("records").get<std::map<std::string, std::string>>();
  return manifest;
}

std::string describe_all(const std::vector<TensorSpec>& specs) {
  std::string text;
  for (const TensorSpec& spec : specs) text += (text.empty() ? "" : ", ") + describe(spec);
  return text;
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

std::vector<std::string> Manifest::unproven() const {
  std::vector<std::string> names;
  for (const MethodSpec& method : methods) {
    for (const TensorSpec& output : method.outputs) {
      if (output.unproven) names.push_back(method.name + ": " + output.name);
    }
  }
  return names;
}

bool Manifest::ranges_are_proved() const {
  const auto is_proved = [](const TensorSpec& input) {
    return std::none_of(input.axes.begin(), input.axes.end(), [](const Axis& it) { return it.kind == AxisKind::kAny; });
  };
  return std::all_of(methods.begin(), methods.end(), [&](const MethodSpec& method) {
    return method.name == "predict" || std::all_of(method.inputs.begin(), method.inputs.end(), is_proved);
  });
}

std::string describe(const TensorSpec& spec) {
  return spec.name + ": " + std::string(dtype_name(spec.dtype)) + " " + shape_text(spec.axes);
}

std::string describe(const MethodSpec& method) {
  return method.name + "(" + describe_all(method.inputs) + ") -> " + describe_all(method.outputs);
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
