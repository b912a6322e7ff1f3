#include "image/decode.h"

#include <cstring>

#include "core/files.h"

namespace edgekit {
namespace {

constexpr std::size_t kChannels = 3;

bool starts_with(std::span<const std::byte> bytes, std::string_view magic) {
  return bytes.size() >= magic.size() && std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
}

Result<RawImage> decode_any(std::span<const std::byte> bytes) {
  if (starts_with(bytes, "\xff\xd8\xff")) return decode_jpeg(bytes);
  if (starts_with(bytes, "\x89PNG\r\n\x1a\n")) return decode_png(bytes);
  return usage_error("is not a JPEG or PNG picture; arrays are passed with --input");
}

// An Exif orientation as steps in the source: the offset of the first upright pixel, and the steps to the right and
// down.
Result<Tensor> turn_upright(RawImage raw) {
  if (raw.orientation <= 1 || raw.orientation > 8) return std::move(raw.pixels);
  const auto width = static_cast<std::ptrdiff_t>(raw.width), height = static_cast<std::ptrdiff_t>(raw.height);
  const bool swapped = raw.orientation >= 5;
  const bool from_right = raw.orientation == 2 || raw.orientation == 3 || raw.orientation == 7 || raw.orientation == 8;
  const bool from_bottom = raw.orientation == 3 || raw.orientation == 4 || raw.orientation == 6 || raw.orientation == 7;
  const std::ptrdiff_t step_x = from_right ? -1 : 1;
  const std::ptrdiff_t step_y = from_bottom ? -width : width;
  const std::ptrdiff_t origin = (from_right ? width - 1 : 0) + (from_bottom ? (height - 1) * width : 0);
  const std::ptrdiff_t columns = swapped ? height : width, rows = swapped ? width : height;
  const std::ptrdiff_t right = swapped ? step_y : step_x, down = swapped ? step_x : step_y;

  EK_ASSIGN(Allocation made, allocate_tensor(DType::kUint8, {rows, columns, static_cast<std::int64_t>(kChannels)}));
  std::byte* to = made.mutable_bytes.data();
  for (std::ptrdiff_t y = 0; y < rows; ++y) {
    for (std::ptrdiff_t x = 0; x < columns; ++x, to += kChannels) {
      const std::ptrdiff_t from = origin + y * down + x * right;
      std::memcpy(to, raw.pixels.data.get() + static_cast<std::size_t>(from) * kChannels, kChannels);
    }
  }
  return std::move(made.tensor);
}

// Reads numbers of a TIFF block in the byte order of the block; 0 beyond its end.
class TiffReader {
 public:
  explicit TiffReader(std::span<const std::byte> bytes) : bytes_(bytes), little_(starts_with(bytes, "II")) {}

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

}  // namespace

int exif_orientation(std::span<const std::byte> tiff) {
  constexpr std::uint32_t kOrientationTag = 0x0112, kShort = 3;
  if (!starts_with(tiff, "II") && !starts_with(tiff, "MM")) return 1;
  const TiffReader reader(tiff);
  if (reader.get(2, 2) != 42) return 1;
  const std::size_t directory = reader.get(4, 4);
  const std::size_t count = reader.get(directory, 2);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t entry = directory + 2 + 12 * i;
    if (reader.get(entry, 2) != kOrientationTag) continue;
    const auto value = static_cast<int>(reader.get(entry + 8, 2));
    return reader.get(entry + 2, 2) == kShort && value >= 1 && value <= 8 ? value : 1;
  }
  return 1;
}

Status check_pixel_count(std::uint64_t width, std::uint64_t height) {
  if (width == 0 || height == 0) return usage_error("has no pixels");
  if (width <= kMostPixels && height <= kMostPixels && width * height <= kMostPixels) return {};
  return usage_error("is " + std::to_string(width) + " x " + std::to_string(height) +
                     " pixels, more than the limit of " + std::to_string(kMostPixels) + "; make it smaller");
}

Result<Tensor> decode_image(const std::string& path) {
  EK_ASSIGN(const auto file, MappedFile::open(path));
  auto raw = decode_any(file->bytes());
  if (!raw.ok()) return Status(raw.status().code(), path + " " + raw.status().message());
  return turn_upright(std::move(*raw));
}

}  // namespace edgekit
