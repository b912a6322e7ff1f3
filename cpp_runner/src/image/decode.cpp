#include "image/decode.h"

#include <cstring>

#include "core/files.h"

namespace edgekit {
namespace {

constexpr std::size_t kChannels = 3;

Result<RawImage> decode_any(std::span<const std::byte> bytes, PictureUse use) {
  if (bytes.empty()) return usage_error("is empty; copy or download the file again");
  const std::string_view kind = picture_kind(bytes);
  if (kind == "JPEG") return decode_jpeg(bytes, use);
  if (kind == "PNG") return decode_png(bytes, use.resize);
  if (kind.empty()) return usage_error("is not a JPEG or PNG picture; arrays are passed with --input");
  return usage_error("is " + std::string(kind) + ", which is not supported; convert it to JPEG or PNG");
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

}  // namespace

Result<Tensor> decode_image(const std::string& path, PictureUse use) {
  EK_ASSIGN(const auto bytes, read_file(path, kMostPictureBytes));
  auto raw = decode_any(bytes, use);
  if (!raw.ok()) return Status(raw.status().code(), path + " " + raw.status().message());
  return turn_upright(std::move(*raw));
}

}  // namespace edgekit
