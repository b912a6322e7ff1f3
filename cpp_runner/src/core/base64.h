// Base64 of RFC 4648: the standard alphabet with padding.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace edgekit {

// The bytes, or nothing where the text is not base64, has line breaks, or lacks its padding.
[[nodiscard]] std::optional<std::vector<std::byte>> decode_base64(std::string_view text);

}  // namespace edgekit
