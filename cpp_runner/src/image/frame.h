// Frames of cameras and video: raw pixels in memory, turned into the picture that `predict` takes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/status.h"
#include "core/tensor.h"

namespace edgekit {

enum class Pixels { kRgb, kBgr, kRgba, kBgra, kGrey, kNv12, kNv21, kI420, kYuv420 };

struct Plane {
  std::span<const std::byte> bytes;
  std::size_t row_stride = 0;    // bytes between rows; 0 where rows follow each other
  std::size_t pixel_stride = 0;  // bytes between pixels; 0 where pixels follow each other
};

// The part of a frame that is used, in its pixels before rotation. No width means the whole frame.
struct Crop {
  std::int64_t left = 0;
  std::int64_t top = 0;
  std::int64_t width = 0;
  std::int64_t height = 0;
};

struct Frame {
  Pixels pixels = Pixels::kRgb;
  std::int64_t width = 0;
  std::int64_t height = 0;
  Crop crop;
  int rotation = 0;     // degrees clockwise
  bool mirror = false;  // left and right are exchanged after the rotation
  std::array<Plane, 3> planes;
};

// The upright RGB picture, uint8 [height, width, 3].
[[nodiscard]] Result<Tensor> picture_of(const Frame& frame, std::uint64_t resize = 0);

}  // namespace edgekit
