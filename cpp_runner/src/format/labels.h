// The labels of a package.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace edgekit {

// One label a line, with \uXXXX escapes; the result is UTF-8.
[[nodiscard]] std::vector<std::string> parse_labels(std::string_view text);

}  // namespace edgekit
