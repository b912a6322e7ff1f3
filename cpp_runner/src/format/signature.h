// The signature of a package: Ed25519 by OpenSSL over the bytes of its manifest, as docs/format.md says under
// "Signature".
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "core/status.h"

namespace edgekit {

using PublicKey = std::array<std::byte, 32>;

// The record: the public key, and the signature itself.
inline constexpr std::size_t kSignatureBytes = 96;

// Reads the text of a PEM file (SubjectPublicKeyInfo).
[[nodiscard]] Result<PublicKey> parse_public_key(std::string_view pem);

// Checks that the owner of `key` signed the manifest. `record` is empty for a package without a signature. `path` is
// only for messages.
[[nodiscard]] Status check_signature(std::span<const std::byte> record, std::span<const std::byte> manifest,
                                     const PublicKey& key, const std::string& path);

}  // namespace edgekit
