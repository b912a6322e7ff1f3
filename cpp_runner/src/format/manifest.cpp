#include "format/manifest.h"

#include <algorithm>
#include <charconv>

#include "format/json_fields.h"

namespace edgekit {
namespace {

using nlohmann::json;

Shape read_shape(const json& node) {
  Shape shape;
  for (const json& extent : node) {
    if (!extent.is_null() && !extent.is_number_integer()) throw BadField{"a shape holds integers or null"};
    shape.push_back(extent.is_null() ? kFreeAxis : extent.get<std::int64_t>());
    if (!extent.is_null() && shape.back() < 0) throw BadField{"a shape holds a negative number"};
  }
  return shape;
}

// Outputs have null for their bounds.
double read_bound(const json& node, const char* key, double fallback) {
  return node.contains(key) && !node[key].is_null() ? node[key].get<double>() : fallback;
}

std::vector<TensorSpec> read_specs(const json& nodes) {
  std::vector<TensorSpec> specs;
  for (const json& node : nodes) {
    specs.push_back({node.at("name").get<std::string>(), read_dtype(node.at("dtype")), read_shape(node.at("shape")),
                     read_bound(node, "low", 0.0), read_bound(node, "high", 1.0)});
    const Shape& shape = specs.back().shape;
    const bool free = std::find(shape.begin(), shape.end(), kFreeAxis) != shape.end();
    if (!free) (void)checked_count(specs.back().name, shape, specs.back().dtype);
  }
  check_names_differ(specs);
  return specs;
}

std::vector<MethodSpec> read_methods(const json& nodes) {
  std::vector<MethodSpec> methods;
  for (const json& node : nodes) {
    methods.push_back({node.at("name").get<std::string>(), node.at("structure").get<std::string>(),
                       read_specs(node.at("inputs")), read_specs(node.at("outputs"))});
  }
  return methods;
}

void read_runtime(const json& root, Manifest& manifest) {
  const json runtime = root.value("runtime", json::object());
  const std::string pool = runtime.value("pool", "xnnpack");
  if (pool != "xnnpack" && pool != "openmp") throw BadField{"runtime.pool is '" + pool + "', not xnnpack or openmp"};
  manifest.pool = pool == "openmp" ? Pool::kOpenmp : Pool::kXnnpack;
  if (runtime.contains("threads") && !runtime["threads"].is_null()) {
    const auto threads = runtime["threads"].get<std::int64_t>();
    if (threads < 1 || threads > kMostThreads) {
      throw BadField{"runtime.threads is not in 1 to " + std::to_string(kMostThreads)};
    }
    manifest.threads = static_cast<int>(threads);
  }
}

void read_weights(const json& root, Manifest& manifest) {
  const json& weights = root.at("provenance").at("weights");
  manifest.random_weights = weights.at("kind").get<std::string>() == "random";
  if (weights.contains("seed") && !weights["seed"].is_null()) manifest.weights_seed = weights["seed"].dump();
}

Manifest read_manifest(const json& root) {
  Manifest manifest;
  manifest.name = root.at("name").get<std::string>();
  read_weights(root, manifest);
  manifest.methods = read_methods(root.at("methods"));
  read_runtime(root, manifest);
  manifest.tolerance = read_tolerance(root.at("tolerance"));
  manifest.records = root.at("records").get<std::map<std::string, std::string>>();
  return manifest;
}

void append_utf8(std::string& text, std::uint32_t code) {
  const auto put = [&](std::uint32_t byte) { text += static_cast<char>(byte); };
  if (code < 0x80) return put(code);
  if (code < 0x800) {
    put(0xc0 | code >> 6);
  } else if (code < 0x10000) {
    put(0xe0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3f));
  } else {
    put(0xf0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3f));
    put(0x80 | (code >> 6 & 0x3f));
  }
  put(0x80 | (code & 0x3f));
}

std::optional<std::uint32_t> read_escape(std::string_view text, std::size_t at) {
  if (text.size() - at < 6 || text[at] != '\\' || text[at + 1] != 'u') return std::nullopt;
  std::uint32_t unit = 0;
  const char* first = text.data() + at + 2;
  const auto [end, error] = std::from_chars(first, first + 4, unit, 16);
  if (error != std::errc() || end != first + 4) return std::nullopt;
  return unit;
}

std::string unescape_label(std::string_view line) {
  std::string label;
  for (std::size_t at = 0; at < line.size();) {
    auto code = read_escape(line, at);
    if (!code) {
      label += line[at++];
      continue;
    }
    at += 6;
    const bool high = *code >= 0xd800 && *code < 0xdc00;
    const auto low = high ? read_escape(line, at) : std::nullopt;
    if (low && *low >= 0xdc00 && *low < 0xe000) {
      code = 0x10000 + ((*code - 0xd800) << 10) + (*low - 0xdc00);
      at += 6;
    }
    const bool lone = *code >= 0xd800 && *code < 0xe000;  // half of a pair is no character
    append_utf8(label, lone ? 0xfffd : *code);
  }
  return label;
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
    return package_error("the " + std::string(what) + " has the odd schema_version '" + version + "'");
  }
  const int major = std::stoi(version.substr(0, dot));
  if (major <= kSchemaMajor) return {};
  return package_error("the " + std::string(what) + " has schema_version " + version + ", this runner reads up to " +
                       std::to_string(kSchemaMajor) + ".x; use a newer edgekit-runner");
}

Result<Manifest> parse_manifest(std::string_view text) {
  return read_document("manifest", text, read_manifest);
}

std::vector<std::string> parse_labels(std::string_view text) {
  std::vector<std::string> labels;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    labels.push_back(unescape_label(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return labels;
}

}  // namespace edgekit
