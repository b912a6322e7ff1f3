// Reading a package's JSON texts: malformed JSON is thrown as json::exception and what the format forbids as BadField;
// read_document turns both into an error.
#pragma once

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>

#include "core/status.h"
#include "core/tensor.h"
#include "format/manifest.h"

namespace edgekit {

constexpr std::size_t kMostElements = std::size_t{1} << 28;  // of one input or output
constexpr int kDeepest = 64;  // nested values of a document: what walks them does so recursively

struct BadField {
  std::string message;
};

inline DType read_dtype(const nlohmann::json& node) {
  const auto& name = node.get_ref<const std::string&>();
  const auto dtype = parse_dtype(name);
  if (!dtype) throw BadField{"unknown dtype '" + name + "'"};
  return *dtype;
}

// The number of elements of a shape without free axes.
inline std::size_t checked_count(const std::string& name, const Shape& shape, DType dtype) {
  const auto count = element_count(shape, dtype);
  if (count && *count <= kMostElements) return *count;
  throw BadField{name + " has the shape " + shape_text(shape) + "; at most 2^28 elements are allowed"};
}

template <typename Named>
void check_names_differ(const std::vector<Named>& items) {
  std::set<std::string_view> seen;
  for (const Named& item : items) {
    if (!seen.insert(item.name).second) throw BadField{"the name '" + item.name + "' is there twice"};
  }
}

inline Tolerance read_tolerance(const nlohmann::json& node) {
  const auto bound = [&](const char* name) {
    const double value = node.at(name).get<double>();
    if (value >= 0.0 && std::isfinite(value)) return value;  // under NaN everything would pass
    throw BadField{std::string("tolerance ") + name + " is no number of at least 0"};
  };
  return {bound("norm"), bound("max"), bound("absolute")};
}

inline bool check_depth(int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
  if (depth > kDeepest) throw BadField{"its values are nested deeper than " + std::to_string(kDeepest)};
  return true;
}

// Parses `text`, checks its schema_version, and gives what `read` makes of it; `what` is the document in an error.
template <typename Read>
auto read_document(const std::string& what, std::string_view text, Read&& read)
    -> Result<decltype(read(nlohmann::json()))> {
  try {
    const auto root = nlohmann::json::parse(text, check_depth);
    EK_RETURN_IF_ERROR(check_schema_version(what, root.at("schema_version").template get<std::string>()));
    return read(root);
  } catch (const nlohmann::json::exception& error) {
    return package_error("the " + what + " cannot be read: " + error.what());
  } catch (const BadField& error) {
    return package_error("the " + what + " cannot be read: " + error.message);
  }
}

}  // namespace edgekit
