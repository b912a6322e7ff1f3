#include "table.h"

#include <algorithm>
#include <cstdio>

namespace runner {
namespace {

// Columns in characters, not bytes: labels are UTF-8.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

template <typename... Arguments>
std::string format(const char* pattern, Arguments... arguments) {
  char text[64];
  std::snprintf(text, sizeof(text), pattern, arguments...);
  return text;
}

}  // namespace

void print_table(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths;
  for (const Row& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line += std::string(widths[i] - width_of(row[i]) + 2, ' ');
    }
    std::printf("%s\n", line.c_str());
  }
}

std::string fixed(double value, int digits) {
  return format("%.*f", digits, value);
}

std::string scientific(double value) {
  return format("%.1e", value);
}

}  // namespace runner
