// The readers of files that a user may get from anyone, as functions of bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace edgekit::fuzz {

using Reader = void (*)(std::span<const std::byte>);

// The reader of "package", "pickle", "text", "npy", "png" or "jpeg"; null for another name.
[[nodiscard]] Reader find_reader(std::string_view name);

}  // namespace edgekit::fuzz
