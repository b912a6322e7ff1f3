// Reading a package's JSON texts: malformed JSON is thrown as json::exception and what the format forbids as BadField;
// read_document turns both into an error.
#pragma once

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>

#include "manifest.h"
#include "status.h"
#include "tensor.h"

namespace edgekit {

constexpr std::size_t kMostElements = std::size_t{1} << 28;  // of one input or output

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

// Parses `text`, checks its schema_version, and gives what `read` makes of it; `what` is the document in an error.
template <typename Read>
auto read_document(const std::string& what, std::string_view text, Read&& read)
    -> Result<decltype(read(nlohmann::json()))> {
  try {
    const auto root = nlohmann::json::parse(text);
    EK_RETURN_IF_ERROR(check_schema_version(what, root.at("schema_version").template get<std::string>()));
    return read(root);
  } catch (const nlohmann::json::exception& error) {
    return package_error("the " + what + " cannot be read: " + error.what());
  } catch (const BadField& error) {
    return package_error("the " + what + " cannot be read: " + error.message);
  }
}

}  // namespace edgekit
