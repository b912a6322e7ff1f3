// SHA-256 (FIPS 180-4) and the CRC-32 of zip files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace edgekit {

// The digest as 64 lower-case hex digits.
[[nodiscard]] std::string sha256_hex(std::span<const std::byte> bytes);

[[nodiscard]] std::uint32_t crc32(std::span<const std::byte> bytes);

}  // namespace edgekit
