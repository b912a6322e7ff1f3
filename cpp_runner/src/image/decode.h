// Decodes pictures as the image contract of docs/format.md says: uint8 [H, W, 3], RGB, upright.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/status.h"
#include "core/tensor.h"

namespace edgekit {

inline constexpr std::size_t kMostPictureBytes = std::size_t{1} << 30;
inline constexpr std::uint64_t kMostStoredPixels = std::uint64_t{1} << 28;  // of a JPEG as it is in the file
inline constexpr std::uint64_t kMostPixels = std::uint64_t{1} << 27;        // of a picture as it is decoded
inline constexpr std::uint64_t kMostResizedPixels = std::uint64_t{1} << 24;

// What a picture is decoded for. `resize` is that of the package that gets the picture, or 0: it limits how narrow the
// picture may be, and a JPEG is decoded smaller as far as that leaves twice `resize`. With `full`, it is not: masks and
// boxes are in the picture's own pixels.
struct PictureUse {
  std::uint64_t resize = 0;
  bool full = false;
};

// Reads a JPEG or PNG file into a uint8 tensor [height, width, 3].
[[nodiscard]] Result<Tensor> decode_image(const std::string& path, PictureUse use = {});

// The result of a decoder, not yet upright. Messages do not name the file yet.
struct RawImage {
  std::size_t width = 0;
  std::size_t height = 0;
  int orientation = 1;  // Exif's 1 to 8
  Tensor pixels;        // uint8 [height, width, 3]
};
[[nodiscard]] Result<RawImage> decode_jpeg(std::span<const std::byte> bytes, PictureUse use);
[[nodiscard]] Result<RawImage> decode_png(std::span<const std::byte> bytes, std::uint64_t resize);

// The 1, 2, 4 or 8 by which the sides of a JPEG are divided, rounded up.
[[nodiscard]] unsigned jpeg_scale(std::uint64_t width, std::uint64_t height, PictureUse use);

// Refuses a JPEG with too many pixels, whatever its scale.
[[nodiscard]] Status check_stored_pixels(std::uint64_t width, std::uint64_t height);

// Refuses what has too many pixels, or would have after `predict` has resized its shorter side to `resize`.
[[nodiscard]] Status check_pixel_count(std::uint64_t width, std::uint64_t height, std::uint64_t resize);

// The name of the format that a file with these bytes has; empty if it is not known.
[[nodiscard]] std::string_view picture_kind(std::span<const std::byte> bytes);

// The orientation in a block that begins with a TIFF header, or with "Exif" before it; 1 where it has none or is
// damaged.
[[nodiscard]] int exif_orientation(std::span<const std::byte> block);

}  // namespace edgekit
