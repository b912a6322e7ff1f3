#include "image/mask.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string_view>
#include <vector>

#include <zlib.h>

#include "core/files.h"

namespace edgekit {
namespace {

constexpr std::size_t kColours = 256;
constexpr std::size_t kChannels = 3;
constexpr int kPaletteType = 3, kRgbType = 2;  // the colour types of PNG
constexpr std::string_view kSignature = "\x89PNG\r\n\x1a\n";

using Palette = std::array<std::uint8_t, kColours * kChannels>;

Palette make_palette() {
  Palette palette{};
  for (std::size_t index = 0; index < kColours; ++index) {
    const Colour colour = class_colour(static_cast<std::uint8_t>(index));
    std::copy(colour.begin(), colour.end(), palette.data() + index * kChannels);
  }
  return palette;
}

std::string big_endian(std::uint32_t value) {
  std::string text;
  for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(value >> shift & 0xffU);
  return text;
}

const Bytef* bytes_of(const std::string& text) {
  return reinterpret_cast<const Bytef*>(text.data());
}

std::string chunk(const std::string& kind, const std::string& data) {
  const std::string body = kind + data;
  const auto check = static_cast<std::uint32_t>(crc32_z(0, bytes_of(body), body.size()));
  return big_endian(static_cast<std::uint32_t>(data.size())) + body + big_endian(check);
}

// `rows` are the bytes of the pixels, each row behind the byte of its filter.
Status write_png(const std::string& path, std::size_t width, std::size_t height, int type, const std::string& extra,
                 const std::string& rows) {
  uLongf size = compressBound(static_cast<uLong>(rows.size()));
  std::string packed(size, '\0');
  const int done =
      compress(reinterpret_cast<Bytef*>(packed.data()), &size, bytes_of(rows), static_cast<uLong>(rows.size()));
  if (done != Z_OK || size > std::numeric_limits<std::int32_t>::max()) {
    return runtime_error("cannot compress the picture for " + path);
  }
  packed.resize(size);
  std::string header = big_endian(static_cast<std::uint32_t>(width)) + big_endian(static_cast<std::uint32_t>(height));
  header += {'\x08', static_cast<char>(type), '\0', '\0', '\0'};
  const std::string file =
      std::string(kSignature) + chunk("IHDR", header) + extra + chunk("IDAT", packed) + chunk("IEND", "");
  return write_file_atomically(path, std::as_bytes(std::span(file)), {});
}

// The rows of an image whose bytes `fill` writes, one row after the other.
template <typename Fill>
std::string filtered_rows(std::size_t height, std::size_t stride, Fill&& fill) {
  std::string rows(height * (stride + 1), '\0');  // filter 0: none
  for (std::size_t y = 0; y < height; ++y) fill(y, reinterpret_cast<std::uint8_t*>(rows.data() + y * (stride + 1) + 1));
  return rows;
}

bool is_bytes(const TensorView& tensor, std::size_t rank) {
  return tensor.dtype == DType::kUint8 && tensor.shape.size() == rank;
}

std::size_t side(const TensorView& tensor, std::size_t axis) {
  return static_cast<std::size_t>(tensor.shape[axis]);
}

}  // namespace

// The lowest bits of a class give the highest bits of red, green and blue, the next three bits the next ones.
Colour class_colour(std::uint8_t index) {
  Colour colour{};
  for (std::size_t bit = 0; bit < 8; ++bit) {
    std::uint8_t& channel = colour[bit % kChannels];
    channel = static_cast<std::uint8_t>(channel | (index >> bit & 1U) << (7 - bit / kChannels));
  }
  return colour;
}

Status write_picture_png(const std::string& path, const TensorView& picture) {
  if (!is_bytes(picture, 3) || side(picture, 2) != kChannels) {
    return usage_error("a picture is uint8 [H, W, 3], got " + shape_text(picture.shape));
  }
  const std::size_t height = side(picture, 0), stride = side(picture, 1) * kChannels;
  const std::string rows = filtered_rows(height, stride, [&](std::size_t y, std::uint8_t* to) {
    std::memcpy(to, picture.bytes.data() + y * stride, stride);
  });
  return write_png(path, side(picture, 1), height, kRgbType, "", rows);
}

Status write_mask_png(const std::string& path, const TensorView& mask) {
  if (!is_bytes(mask, 2)) return usage_error("a mask is uint8 [H, W], got " + shape_text(mask.shape));
  const std::size_t height = side(mask, 0), width = side(mask, 1);
  const Palette colours = make_palette();
  const std::string palette(colours.begin(), colours.end());
  const std::string rows = filtered_rows(
      height, width, [&](std::size_t y, std::uint8_t* to) { std::memcpy(to, mask.bytes.data() + y * width, width); });
  return write_png(path, width, height, kPaletteType, chunk("PLTE", palette), rows);
}

Status write_overlay_png(const std::string& path, const TensorView& picture, const TensorView& mask) {
  const bool fits = is_bytes(mask, 2) && is_bytes(picture, 3) && picture.shape[0] == mask.shape[0] &&
                    picture.shape[1] == mask.shape[1] && side(picture, 2) == kChannels;
  if (!fits) {
    return usage_error("a mask is uint8 [H, W] and its picture [H, W, 3], got " + shape_text(mask.shape) + " and " +
                       shape_text(picture.shape));
  }
  const std::size_t height = side(mask, 0), width = side(mask, 1);
  const Palette colours = make_palette();
  const auto* classes = reinterpret_cast<const std::uint8_t*>(mask.bytes.data());
  const auto* pixels = reinterpret_cast<const std::uint8_t*>(picture.bytes.data());
  const std::string rows = filtered_rows(height, width * kChannels, [&](std::size_t y, std::uint8_t* to) {
    for (std::size_t i = 0; i < width * kChannels; ++i) {
      const std::size_t at = y * width * kChannels + i, colour = classes[at / kChannels];
      const int mixed = (pixels[at] + colours[colour * kChannels + at % kChannels]) / 2;
      to[i] = colour == 0 ? pixels[at] : static_cast<std::uint8_t>(mixed);
    }
  });
  return write_png(path, width, height, kRgbType, "", rows);
}

}  // namespace edgekit
