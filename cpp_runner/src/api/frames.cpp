#include "api/frames.h"

#include "api/handles.h"

namespace edgekit::api {

Result<Frame> read_frame(const ek_frame& given) {
  ek_frame frame{};
  EK_RETURN_IF_ERROR(read_struct(&given, &frame));
  if (frame.pixels < EK_PIXELS_RGB || frame.pixels > EK_PIXELS_YUV420) {
    return usage_error("ek_pixels " + std::to_string(static_cast<int>(frame.pixels)) +
                       " is unknown; expected EK_PIXELS_RGB to EK_PIXELS_YUV420");
  }
  Frame read;
  read.pixels = static_cast<Pixels>(frame.pixels);
  read.width = frame.width;
  read.height = frame.height;
  read.crop = {frame.crop_left, frame.crop_top, frame.crop_width, frame.crop_height};
  read.rotation = frame.rotation;
  read.mirror = frame.mirror != 0;
  for (std::size_t i = 0; i < read.planes.size(); ++i) {
    const ek_plane& plane = frame.planes[i];
    read.planes[i] = {{static_cast<const std::byte*>(plane.data), plane.data == nullptr ? 0 : plane.size_bytes},
                      plane.row_stride,
                      plane.pixel_stride};
  }
  return read;
}

}  // namespace edgekit::api

using namespace edgekit::api;
using edgekit::Status;

void ek_frame_init_sized(ek_frame* frame, size_t struct_size) {
  init_struct(ek_frame{}, frame, struct_size);
}

void(ek_frame_init)(ek_frame* frame) {
  ek_frame_init_sized(frame, kSizes<ek_frame>.front());
}

ek_status ek_frame_picture(const ek_frame* frame, ek_values** picture) {
  return guarded([&]() -> Status {
    EK_RETURN_IF_ERROR(require(frame, picture));
    EK_ASSIGN(const auto given, read_frame(*frame));
    EK_ASSIGN(auto made, edgekit::picture_of(given));
    *picture = give_values({{"0", std::move(made)}});
    return {};
  });
}
