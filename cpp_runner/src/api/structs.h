// The structs of edgekit.h that begin with struct_size. Programs with an older or a newer header have other sizes.
// A field is only ever appended, and zero is what it does where a program does not know it.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "core/status.h"

namespace edgekit::api {

// The sizes that a struct has had since 0.1.0, the newest last. Another size below the newest cuts a field.
template <typename Struct>
inline constexpr std::array kSizes{sizeof(Struct)};

// A larger struct_size is a number that nobody set.
inline constexpr std::size_t kLargestStruct = 4096;

// Accepts the sizes above, and a larger struct whose unknown fields are zero.
template <typename Struct>
Status check_size(const Struct* given) {
  const std::size_t size = given->struct_size;
  const auto& known = kSizes<Struct>;
  if (std::find(known.begin(), known.end(), size) != known.end()) return {};
  if (size < sizeof(Struct) || size > kLargestStruct) {
    return usage_error("struct_size is " + std::to_string(size) + "; expected " + std::to_string(sizeof(Struct)) +
                       ", fill the struct with its init function");
  }
  const auto* bytes = reinterpret_cast<const unsigned char*>(given);
  const auto* set = std::find_if(bytes + sizeof(Struct), bytes + size, [](unsigned char byte) { return byte != 0; });
  if (set == bytes + size) return {};
  return usage_error("a struct of " + std::to_string(size) + " bytes has a value at byte " +
                     std::to_string(set - bytes) + ", but this library knows " + std::to_string(sizeof(Struct)) +
                     " bytes; leave the fields of the newer header at 0, or use the library of that header");
}

// Sets the fields of `out`, which has `size` bytes, to `defaults`. Nothing for a size that no header has.
template <typename Struct>
void init_struct(Struct defaults, Struct* out, std::size_t size) {
  if (out == nullptr || size < sizeof(std::size_t) || size > kLargestStruct) return;
  std::memset(static_cast<void*>(out), 0, size);
  defaults.struct_size = size;
  std::memcpy(static_cast<void*>(out), &defaults, std::min(size, sizeof(Struct)));
}

// Takes the fields of `given` over those of `values`; the fields that a shorter struct lacks stay. NULL changes
// nothing.
template <typename Struct>
Status read_struct(const Struct* given, Struct* values) {
  if (given == nullptr) return {};
  EK_RETURN_IF_ERROR(check_size(given));
  std::memcpy(static_cast<void*>(values), given, std::min(given->struct_size, sizeof(Struct)));
  return {};
}

// The caller gets the fields that its struct has.
template <typename Struct>
Status write_struct(Struct values, Struct* out) {
  EK_RETURN_IF_ERROR(check_size(out));
  values.struct_size = out->struct_size;
  std::memcpy(static_cast<void*>(out), &values, std::min(out->struct_size, sizeof(Struct)));
  return {};
}

}  // namespace edgekit::api
