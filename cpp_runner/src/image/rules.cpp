// What the decoders of pictures share: what a file is, the limits of the image contract, and Exif's orientation.
#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "image/decode.h"

namespace edgekit {
namespace {

using std::string_view_literals::operator""sv;

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Reads numbers of a TIFF block in the byte order of the block; 0 beyond its end.
class TiffReader {
 public:
  explicit TiffReader(std::span<const std::byte> bytes) : bytes_(bytes), little_(as_text(bytes).starts_with("II")) {}

  [[nodiscard]] std::uint32_t get(std::size_t offset, std::size_t size) const {
    if (offset > bytes_.size() || size > bytes_.size() - offset) return 0;
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < size; ++i) {
      value = value << 8 | std::to_integer<std::uint32_t>(bytes_[offset + (little_ ? size - 1 - i : i)]);
    }
    return value;
  }

 private:
  std::span<const std::byte> bytes_;
  bool little_;
};

constexpr std::array<std::pair<std::string_view, std::string_view>, 11> kStarts{{
    {"\x89PNG\r\n\x1a\n"sv, "PNG"},
    {"\xff\xd8"sv, "JPEG"},
    {"GIF8"sv, "GIF"},
    {"BM"sv, "BMP"},
    {"II*\0"sv, "TIFF"},
    {"MM\0*"sv, "TIFF"},
    {"%PDF"sv, "PDF"},
    {"\xff\x0a"sv, "JPEG XL"},
    {"\0\0\0\x0cJXL "sv, "JPEG XL"},
    {"\0\0\0\x0cjP  "sv, "JPEG 2000"},
    {"\xff\x4f\xff\x51"sv, "JPEG 2000"},
}};
constexpr std::size_t kStartSize = 64;  // bytes that tell what a file is

// A file of ISO media boxes: its first box lists the brands that it follows.
std::string_view kind_of_brands(std::string_view start) {
  constexpr std::array kAvif{"avif"sv, "avis"sv};
  constexpr std::array kHeic{"heic"sv, "heix"sv, "heim"sv, "heis"sv, "hevc"sv, "hevx"sv, "mif1"sv, "msf1"sv};
  const auto size = static_cast<std::size_t>(TiffReader(std::as_bytes(std::span(start))).get(0, 4));
  const auto follows = [&](const auto& brands) {
    for (std::size_t at = 8; at + 4 <= std::min(size, start.size()); at += at == 8 ? 8 : 4) {
      if (std::find(brands.begin(), brands.end(), start.substr(at, 4)) != brands.end()) return true;
    }
    return false;
  };
  return follows(kAvif) ? "AVIF"sv : follows(kHeic) ? "HEIC"sv : ""sv;
}

std::string sides(std::uint64_t width, std::uint64_t height) {
  return std::to_string(width) + " x " + std::to_string(height);
}

Status too_many(std::uint64_t width, std::uint64_t height, std::uint64_t most) {
  return usage_error("is " + sides(width, height) + " pixels, more than the limit of " + std::to_string(most) +
                     "; make it smaller");
}

}  // namespace

std::string_view picture_kind(std::span<const std::byte> bytes) {
  const std::string_view start = as_text(bytes.first(std::min(bytes.size(), kStartSize)));
  if (start.starts_with("RIFF") && start.size() >= 12 && start.substr(8, 4) == "WEBP") return "WebP";
  if (start.size() >= 12 && start.substr(4, 4) == "ftyp") return kind_of_brands(start);
  for (const auto& [magic, kind] : kStarts) {
    if (start.starts_with(magic)) return kind;
  }
  return {};
}

int exif_orientation(std::span<const std::byte> block) {
  constexpr std::uint32_t kOrientationTag = 0x0112, kShort = 3, kLong = 4;
  constexpr std::string_view kExif = "Exif\0\0"sv;
  const auto tiff = as_text(block).starts_with(kExif) ? block.subspan(kExif.size()) : block;
  if (!as_text(tiff).starts_with("II") && !as_text(tiff).starts_with("MM")) return 1;
  const TiffReader reader(tiff);
  if (reader.get(2, 2) != 42) return 1;
  const std::size_t directory = reader.get(4, 4);
  const std::size_t count = reader.get(directory, 2);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t entry = directory + 2 + 12 * i;
    if (reader.get(entry, 2) != kOrientationTag) continue;
    const std::uint32_t type = reader.get(entry + 2, 2);
    if (type != kShort && type != kLong) return 1;
    const std::uint32_t value = reader.get(entry + 8, type == kShort ? 2 : 4);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

unsigned jpeg_scale(std::uint64_t width, std::uint64_t height, PictureUse use) {
  if (use.full || use.resize == 0) return 1;
  for (const unsigned scale : {8u, 4u, 2u}) {
    if ((std::min(width, height) + scale - 1) / scale / 2 >= use.resize) return scale;
  }
  return 1;
}

Status check_stored_pixels(std::uint64_t width, std::uint64_t height) {
  if (width <= kMostStoredPixels && height <= kMostStoredPixels && width * height <= kMostStoredPixels) return {};
  return too_many(width, height, kMostStoredPixels);
}

Status check_pixel_count(std::uint64_t width, std::uint64_t height, std::uint64_t resize) {
  if (width == 0 || height == 0) return usage_error("has no pixels");
  if (width > kMostPixels || height > kMostPixels || width * height > kMostPixels) {
    return too_many(width, height, kMostPixels);
  }
  if (resize == 0) return {};
  // A longer `resize` alone gives too many pixels; a shorter one keeps the product in 64 bits.
  const std::uint64_t shorter = std::min(resize, kMostResizedPixels);
  const std::uint64_t longer = shorter * std::max(width, height) / std::min(width, height);
  if (longer <= kMostResizedPixels / shorter) return {};
  const bool upright = width <= height;
  return usage_error("is " + sides(width, height) + " pixels, which predict resizes to " +
                     sides(upright ? shorter : longer, upright ? longer : shorter) + ", more than the limit of " +
                     std::to_string(kMostResizedPixels) + " there; crop it to a less narrow picture");
}

}  // namespace edgekit
