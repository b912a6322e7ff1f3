#include "format/json_fields.h"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace edgekit {
namespace {

using nlohmann::json;

Axis read_range(const json& node) {
  Axis axis{AxisKind::kRange, read_extent(node.at("min")), read_extent(node.at("max")),
            read_integer(node, "multiple").value_or(1), ""};
  if (axis.min > axis.max || axis.max > kMostElements || axis.multiple < 1) {
    throw BadField{"an axis has the range " + node.dump() +
                   "; expected 0 <= min <= max <= " + std::to_string(kMostElements) + " and a multiple of at least 1"};
  }
  if (!node.contains("symbol") || node["symbol"].is_null()) return axis;
  axis.symbol = node["symbol"].get<std::string>();
  if (axis.symbol.empty()) throw BadField{"an axis has an empty symbol; expected a name or null"};
  return axis;
}

// Before parsing, because the parser's own callback makes it quadratic. Brackets inside of strings do not count.
void check_depth(std::string_view text) {
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      quoted = c != '"';
    } else if (c == '"') {
      quoted = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kDeepest) throw BadField{"its values are nested deeper than " + std::to_string(kDeepest)};
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
}

}  // namespace

DType read_dtype(const json& node) {
  const auto& name = node.get_ref<const std::string&>();
  const auto dtype = parse_dtype(name);
  if (!dtype) throw BadField{"unknown dtype '" + name + "'"};
  return *dtype;
}

std::int64_t read_extent(const json& node) {
  if (node.is_number_integer() && node.get<std::int64_t>() >= 0) return node.get<std::int64_t>();
  throw BadField{"a shape holds " + node.dump() + "; expected an integer of at least 0"};
}

Axis read_axis(const json& node) {
  if (node.is_null()) return {};
  return node.is_object() ? read_range(node) : fixed_axis(read_extent(node));
}

std::optional<std::string> read_text_or_null(const json& node) {
  if (node.is_null()) return std::nullopt;
  return node.get<std::string>();
}

double read_number(const json& node, const char* key, double fallback) {
  if (!node.contains(key) || node[key].is_null()) return fallback;
  if (!node[key].is_number()) throw BadField{std::string(key) + " is " + node[key].dump() + "; expected a number"};
  return node[key].get<double>();
}

std::optional<std::int64_t> read_integer(const json& node, const char* key) {
  if (!node.contains(key) || node[key].is_null()) return std::nullopt;
  if (node[key].is_number_integer()) return node[key].get<std::int64_t>();
  throw BadField{std::string(key) + " is " + node[key].dump() + "; expected an integer or null"};
}

std::size_t checked_count(const std::string& name, const Shape& shape) {
  Shape fixed;
  std::copy_if(shape.begin(), shape.end(), std::back_inserter(fixed), [](auto it) { return it != kFreeAxis; });
  const auto count = element_count(fixed, DType::kInt64);
  if (count && *count <= static_cast<std::size_t>(kMostElements)) return *count;
  throw BadField{name + " has the shape " + shape_text(shape) + "; at most 2^28 elements are allowed"};
}

Tolerance read_tolerance(const json& node) {
  if (!node.is_object()) throw BadField{"the tolerance is " + node.dump() + "; expected an object"};
  const auto bound = [&](const char* name) {
    const double value = read_number(node, name, kDefaultBound);
    if (value >= 0.0 && std::isfinite(value)) return value;  // with NaN everything would pass
    throw BadField{std::string("tolerance.") + name + " is not a number of at least 0"};
  };
  return {bound("norm"), bound("max"), bound("absolute"), node.value("loosened", false)};
}

Status unreadable(const std::string& what, const std::string& why) {
  return package_error("the " + what + " cannot be read: " + why);
}

Result<json> parse_document(const std::string& what, std::string_view text) {
  check_depth(text);
  json root = json::parse(text);
  EK_RETURN_IF_ERROR(check_schema_version(what, root.at("schema_version").get<std::string>()));
  return root;
}

}  // namespace edgekit
