#include "image/frame.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "image/decode.h"

namespace edgekit {
namespace {

constexpr std::size_t kChannels = 3;
constexpr std::size_t kMostStride = std::size_t{1} << 32;  // so that products of strides do not overflow

// What a plane of a format has: its size is that of the frame divided by `part`, rounded up.
struct PlaneLayout {
  int part = 1;
  std::size_t pixel_bytes = 1;   // that a pixel reads
  std::size_t pixel_stride = 1;  // where none is given
};

std::span<const PlaneLayout> layout_of(Pixels pixels) {
  static constexpr PlaneLayout kThree[]{{1, 3, 3}}, kFour[]{{1, 3, 4}}, kGrey[]{{1, 1, 1}};
  static constexpr PlaneLayout kTwoPlanes[]{{1, 1, 1}, {2, 2, 2}}, kThreePlanes[]{{1, 1, 1}, {2, 1, 1}, {2, 1, 1}};
  switch (pixels) {
    case Pixels::kRgb:
    case Pixels::kBgr:
      return kThree;
    case Pixels::kRgba:
    case Pixels::kBgra:
      return kFour;
    case Pixels::kGrey:
      return kGrey;
    case Pixels::kNv12:
    case Pixels::kNv21:
      return kTwoPlanes;
    case Pixels::kI420:
    case Pixels::kYuv420:
      break;
  }
  return kThreePlanes;
}

std::string text(std::size_t number) {
  return std::to_string(number);
}

// Fills in the strides that are not given, and checks that the plane has all bytes that the frame reads.
Status complete_plane(Plane& plane, const PlaneLayout& layout, const Frame& frame, std::size_t index) {
  const auto columns = static_cast<std::size_t>((frame.width + layout.part - 1) / layout.part);
  const auto rows = static_cast<std::size_t>((frame.height + layout.part - 1) / layout.part);
  if (plane.pixel_stride == 0) plane.pixel_stride = layout.pixel_stride;
  if (plane.row_stride == 0) plane.row_stride = columns * plane.pixel_stride;
  const std::string name = "plane " + text(index) + " of the frame";
  const std::size_t row_bytes = (columns - 1) * plane.pixel_stride + layout.pixel_bytes;
  if (plane.pixel_stride < layout.pixel_bytes || plane.row_stride < row_bytes || plane.row_stride > kMostStride ||
      plane.pixel_stride > kMostStride) {
    return usage_error(name + " has strides of " + text(plane.row_stride) + " bytes for rows and " +
                       text(plane.pixel_stride) + " for pixels; expected at least " + text(row_bytes) + " and " +
                       text(layout.pixel_bytes));
  }
  const std::size_t needed = (rows - 1) * plane.row_stride + row_bytes;
  if (plane.bytes.data() != nullptr && plane.bytes.size() >= needed) return {};
  return usage_error(name + " has " + text(plane.bytes.data() == nullptr ? 0 : plane.bytes.size()) +
                     " bytes; expected at least " + text(needed) + " for " + text(rows) + " rows of " + text(columns) +
                     " pixels");
}

Status complete(Frame& frame, std::uint64_t resize) {
  if (frame.width < 1 || frame.height < 1) {
    return usage_error("the frame has " + std::to_string(frame.width) + "x" + std::to_string(frame.height) +
                       " pixels; expected at least 1x1");
  }
  if (frame.rotation % 90 != 0 || frame.rotation < 0 || frame.rotation > 270) {
    return usage_error("the rotation of the frame is " + std::to_string(frame.rotation) +
                       "; expected 0, 90, 180 or 270");
  }
  Crop& crop = frame.crop;
  if (crop.width == 0 && crop.height == 0 && crop.left == 0 && crop.top == 0) crop = {0, 0, frame.width, frame.height};
  if (crop.left < 0 || crop.top < 0 || crop.width < 1 || crop.height < 1 || crop.width > frame.width - crop.left ||
      crop.height > frame.height - crop.top) {
    return usage_error("the crop of the frame is " + std::to_string(crop.width) + "x" + std::to_string(crop.height) +
                       " at " + std::to_string(crop.left) + "," + std::to_string(crop.top) + "; expected a part of " +
                       std::to_string(frame.width) + "x" + std::to_string(frame.height));
  }
  const Status size =
      check_pixel_count(static_cast<std::uint64_t>(frame.width), static_cast<std::uint64_t>(frame.height), 0);
  if (!size.ok()) return {size.code(), "the frame " + size.message()};
  const bool swapped = frame.rotation % 180 != 0;
  const auto wide = static_cast<std::uint64_t>(swapped ? crop.height : crop.width);
  const auto high = static_cast<std::uint64_t>(swapped ? crop.width : crop.height);
  const Status resized = check_pixel_count(wide, high, resize);
  if (!resized.ok()) return {resized.code(), "the frame " + resized.message()};
  const auto layout = layout_of(frame.pixels);
  for (std::size_t i = 0; i < layout.size(); ++i) {
    EK_RETURN_IF_ERROR(complete_plane(frame.planes[i], layout[i], frame, i));
  }
  return {};
}

// Where a pixel of the crop lies in the upright picture: origin + x * right + y * down, counted in pixels.
struct Placement {
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::ptrdiff_t origin = 0;
  std::ptrdiff_t right = 0;
  std::ptrdiff_t down = 0;
};

Placement placement_of(const Frame& frame) {
  const std::ptrdiff_t w = frame.crop.width, h = frame.crop.height;
  const bool swapped = frame.rotation % 180 != 0;
  const std::ptrdiff_t width = swapped ? h : w, height = swapped ? w : h;
  // The column and the row of the first pixel, and how a step to the right and a step down in the frame move them.
  std::ptrdiff_t column = frame.rotation == 90 || frame.rotation == 180 ? width - 1 : 0;
  const std::ptrdiff_t row = frame.rotation == 180 || frame.rotation == 270 ? height - 1 : 0;
  std::ptrdiff_t right_column = frame.rotation == 0 ? 1 : frame.rotation == 180 ? -1 : 0;
  const std::ptrdiff_t right_row = frame.rotation == 90 ? 1 : frame.rotation == 270 ? -1 : 0;
  std::ptrdiff_t down_column = frame.rotation == 90 ? -1 : frame.rotation == 270 ? 1 : 0;
  const std::ptrdiff_t down_row = frame.rotation == 0 ? 1 : frame.rotation == 180 ? -1 : 0;
  if (frame.mirror) {
    column = width - 1 - column;
    right_column = -right_column;
    down_column = -down_column;
  }
  return {width, height, row * width + column, right_row * width + right_column, down_row * width + down_column};
}

const std::uint8_t* row_of(const Plane& plane, std::int64_t row) {
  return reinterpret_cast<const std::uint8_t*>(plane.bytes.data()) + static_cast<std::size_t>(row) * plane.row_stride;
}

// Calls `read(row, column, to)` for each pixel of the crop. `begin_row(y)` gives what the pixels of a row share.
template <typename BeginRow, typename Read>
void place(const Frame& frame, const Placement& where, std::byte* to, BeginRow begin_row, Read read) {
  const std::ptrdiff_t step = where.right * static_cast<std::ptrdiff_t>(kChannels);
  for (std::int64_t y = 0; y < frame.crop.height; ++y) {
    const auto row = begin_row(frame.crop.top + y);
    std::ptrdiff_t at = (where.origin + static_cast<std::ptrdiff_t>(y) * where.down) * std::ptrdiff_t{kChannels};
    for (std::int64_t x = 0; x < frame.crop.width; ++x, at += step) {
      read(row, static_cast<std::size_t>(frame.crop.left + x), reinterpret_cast<std::uint8_t*>(to) + at);
    }
  }
}

void place_packed(const Frame& frame, const Placement& where, std::byte* to, std::size_t red, std::size_t green,
                  std::size_t blue) {
  const Plane& plane = frame.planes[0];
  const auto read = [=, stride = plane.pixel_stride](const std::uint8_t* row, std::size_t x, std::uint8_t* out) {
    const std::uint8_t* pixel = row + x * stride;
    out[0] = pixel[red], out[1] = pixel[green], out[2] = pixel[blue];
  };
  place(
      frame, where, to, [&](std::int64_t y) { return row_of(plane, y); }, read);
}

std::uint8_t clamped(int value) {
  return static_cast<std::uint8_t>(std::clamp(value, 0, 255));
}

// BT.601, full range, in the 16-bit fixed point of JPEG decoders, so that all languages round alike.
void to_rgb(int y, int u, int v, std::uint8_t* out) {
  constexpr int kHalf = 1 << 15;
  u -= 128, v -= 128;
  out[0] = clamped(y + ((91881 * v + kHalf) >> 16));               // 1.402
  out[1] = clamped(y + ((-22554 * u - 46802 * v + kHalf) >> 16));  // 0.344136, 0.714136
  out[2] = clamped(y + ((116130 * u + kHalf) >> 16));              // 1.772
}

struct YuvRow {
  const std::uint8_t* y;
  const std::uint8_t* u;
  const std::uint8_t* v;
};

void place_yuv(const Frame& frame, const Placement& where, std::byte* to) {
  const bool interleaved = frame.pixels == Pixels::kNv12 || frame.pixels == Pixels::kNv21;
  const Plane &luma = frame.planes[0], &first = frame.planes[1], &second = interleaved ? first : frame.planes[2];
  const auto begin_row = [&](std::int64_t y) -> YuvRow {
    const std::uint8_t *u = row_of(first, y / 2), *v = row_of(second, y / 2);
    if (interleaved) (frame.pixels == Pixels::kNv12 ? v : u) += 1;
    return {row_of(luma, y), u, v};
  };
  const auto read = [y = luma.pixel_stride, u = first.pixel_stride, v = second.pixel_stride](
                        const YuvRow& row, std::size_t x, std::uint8_t* out) {
    to_rgb(row.y[x * y], row.u[x / 2 * u], row.v[x / 2 * v], out);
  };
  place(frame, where, to, begin_row, read);
}

}  // namespace

Result<Tensor> picture_of(const Frame& given, std::uint64_t resize) {
  Frame frame = given;
  EK_RETURN_IF_ERROR(complete(frame, resize));
  const Placement where = placement_of(frame);
  const Shape shape{where.height, where.width, static_cast<std::int64_t>(kChannels)};
  EK_ASSIGN(Allocation made, allocate_tensor(DType::kUint8, shape));
  std::byte* to = made.mutable_bytes.data();
  switch (frame.pixels) {
    case Pixels::kRgb:
    case Pixels::kRgba:
      place_packed(frame, where, to, 0, 1, 2);
      break;
    case Pixels::kBgr:
    case Pixels::kBgra:
      place_packed(frame, where, to, 2, 1, 0);
      break;
    case Pixels::kGrey:
      place_packed(frame, where, to, 0, 0, 0);
      break;
    default:
      place_yuv(frame, where, to);
  }
  return std::move(made.tensor);
}

}  // namespace edgekit
