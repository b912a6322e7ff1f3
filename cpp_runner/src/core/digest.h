// SHA-256 by OpenSSL and the CRC-32 of zip files by zlib, which both use the CPU's instructions for them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace edgekit {

// The digest as 64 lower-case hex digits. Throws std::runtime_error if OpenSSL cannot compute it.
[[nodiscard]] std::string sha256_hex(std::span<const std::byte> bytes);

// Bytes as lower-case hex digits.
[[nodiscard]] std::string to_hex(std::span<const std::byte> bytes);

[[nodiscard]] std::uint32_t crc32(std::span<const std::byte> bytes);

}  // namespace edgekit
