// Fields that the JSON texts of a package share. Malformed JSON is thrown as json::exception, forbidden content as
// BadField; read_document turns both into an error.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "core/tensor.h"
#include "format/manifest.h"

namespace edgekit {

constexpr int kDeepest = 64;  // nested values of a document, since recursive functions read them

struct BadField {
  std::string message;
};

[[nodiscard]] DType read_dtype(const nlohmann::json& node);
[[nodiscard]] std::int64_t read_extent(const nlohmann::json& node);
// An extent, a range, or null for any size: only a manifest has the last two.
[[nodiscard]] Axis read_axis(const nlohmann::json& node);
[[nodiscard]] std::optional<std::string> read_text_or_null(const nlohmann::json& node);

// An optional field; `fallback` where it is absent or null.
[[nodiscard]] double read_number(const nlohmann::json& node, const char* key, double fallback);
[[nodiscard]] std::optional<std::int64_t> read_integer(const nlohmann::json& node, const char* key);

// The number of elements along the fixed axes of a tensor; at most kMostElements.
std::size_t checked_count(const std::string& name, const Shape& shape);

[[nodiscard]] Tolerance read_tolerance(const nlohmann::json& node);

// Applies `read` to each element of a JSON array.
template <typename Read>
auto read_list(const nlohmann::json& nodes, Read&& read) -> std::vector<decltype(read(nodes))> {
  if (!nodes.is_array()) throw BadField{"expected a list, got " + std::string(nodes.type_name())};
  std::vector<decltype(read(nodes))> items;
  items.reserve(nodes.size());
  for (const nlohmann::json& node : nodes) items.push_back(read(node));
  return items;
}

template <typename Named>
void check_names_differ(const std::vector<Named>& items) {
  std::set<std::string_view> seen;
  for (const Named& item : items) {
    if (!seen.insert(item.name).second) throw BadField{"the name '" + item.name + "' occurs twice"};
  }
}

// Parses a text; refuses deep nesting and another schema_version. `what` names the document in errors.
[[nodiscard]] Result<nlohmann::json> parse_document(const std::string& what, std::string_view text);
[[nodiscard]] Status unreadable(const std::string& what, const std::string& why);

// Parses `text` and returns what `read` makes of its root.
template <typename Read>
auto read_document(const std::string& what, std::string_view text, Read&& read)
    -> Result<decltype(read(nlohmann::json()))> {
  try {
    EK_ASSIGN(const nlohmann::json root, parse_document(what, text));
    return read(root);
  } catch (const nlohmann::json::exception& error) {
    return unreadable(what, error.what());
  } catch (const BadField& error) {
    return unreadable(what, error.message);
  }
}

}  // namespace edgekit
