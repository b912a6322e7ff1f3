#include "format/labels.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

namespace edgekit {
namespace {

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
    const bool lone = *code >= 0xd800 && *code < 0xe000;  // half of a pair is not a character
    append_utf8(label, lone ? 0xfffd : *code);
  }
  return label;
}

}  // namespace

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
