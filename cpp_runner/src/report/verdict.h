// Rows of a verdict document, as docs/format.md describes them.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "format/compare.h"

namespace edgekit {

[[nodiscard]] nlohmann::ordered_json verdict_row(const std::string& case_name, const Comparison& comparison);

}  // namespace edgekit
