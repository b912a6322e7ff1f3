// Decodes pictures as the image contract of docs/format.md says: uint8 [H, W, 3], RGB, upright.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "core/status.h"
#include "core/tensor.h"

namespace edgekit {

inline constexpr std::uint64_t kMostPixels = std::uint64_t{1} << 27;

// Reads a JPEG or PNG file into a uint8 tensor [height, width, 3].
[[nodiscard]] Result<Tensor> decode_image(const std::string& path);

// The result of a decoder, not yet upright. Messages do not name the file yet.
struct RawImage {
  std::size_t width = 0;
  std::size_t height = 0;
  int orientation = 1;  // Exif's 1 to 8
  Tensor pixels;        // uint8 [height, width, 3]
};
[[nodiscard]] Result<RawImage> decode_jpeg(std::span<const std::byte> bytes);
[[nodiscard]] Result<RawImage> decode_png(std::span<const std::byte> bytes);

[[nodiscard]] Status check_pixel_count(std::uint64_t width, std::uint64_t height);

// The orientation in a block that begins with a TIFF header; 1 where it has none or is damaged.
[[nodiscard]] int exif_orientation(std::span<const std::byte> tiff);

}  // namespace edgekit
