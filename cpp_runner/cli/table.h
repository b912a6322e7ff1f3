#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace runner {

using Row = std::vector<std::string>;

// The text with control characters as \xNN: names in a file must not control a terminal.
[[nodiscard]] std::string printable(std::string_view text);

// Prints rows in aligned columns on stdout; the first is the header.
void print_table(std::vector<Row> rows);

// "1.23" style with `digits` decimals; "1.2e-07" style.
[[nodiscard]] std::string fixed(double value, int digits);
[[nodiscard]] std::string scientific(double value);

}  // namespace runner
