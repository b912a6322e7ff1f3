// JPEG by libjpeg-turbo. Its error handler jumps, so no object with a destructor lives between setjmp and a jump.
#include "image/decode.h"

#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <vector>

#include <jpeglib.h>  // needs cstdio before it

namespace edgekit {
namespace {

struct ErrorManager {
  jpeg_error_mgr base;
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX];
};

[[noreturn]] void on_error(j_common_ptr info) {
  auto* errors = reinterpret_cast<ErrorManager*>(info->err);
  info->err->format_message(info, errors->message);
  std::longjmp(errors->jump, 1);
}

// libjpeg decodes a truncated file with warnings; the first warning is kept as the reason to refuse the file.
void on_message(j_common_ptr info, int level) {
  if (level >= 0) return;
  if (info->err->num_warnings++ == 0)
    info->err->format_message(info, reinterpret_cast<ErrorManager*>(info->err)->message);
}

class Decompressor {
 public:
  Decompressor() {
    info.err = jpeg_std_error(&errors.base);
    errors.base.error_exit = on_error;
    errors.base.emit_message = on_message;
    errors.message[0] = '\0';
  }
  ~Decompressor() { jpeg_destroy_decompress(&info); }
  Decompressor(const Decompressor&) = delete;
  Decompressor& operator=(const Decompressor&) = delete;

  jpeg_decompress_struct info{};
  ErrorManager errors{};
};

bool read_header(Decompressor& jpeg, std::span<const std::byte> bytes) {
  if (setjmp(jpeg.errors.jump) != 0) return false;
  jpeg_create_decompress(&jpeg.info);
  jpeg_mem_src(&jpeg.info, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  jpeg_save_markers(&jpeg.info, JPEG_APP0 + 1, 0xffff);
  jpeg_read_header(&jpeg.info, TRUE);
  return true;
}

bool read_rows(Decompressor& jpeg, unsigned char* rows, std::size_t stride) {
  if (setjmp(jpeg.errors.jump) != 0) return false;
  jpeg_start_decompress(&jpeg.info);
  while (jpeg.info.output_scanline < jpeg.info.output_height) {
    JSAMPROW row = rows + stride * jpeg.info.output_scanline;
    jpeg_read_scanlines(&jpeg.info, &row, 1);
  }
  jpeg_finish_decompress(&jpeg.info);
  return true;
}

int orientation_of(const jpeg_decompress_struct& info) {
  constexpr std::string_view kExif("Exif\0\0", 6);
  for (auto* marker = info.marker_list; marker != nullptr; marker = marker->next) {
    const std::string_view data(reinterpret_cast<const char*>(marker->data), marker->data_length);
    if (data.starts_with(kExif)) return exif_orientation(std::as_bytes(std::span(data.substr(kExif.size()))));
  }
  return 1;
}

unsigned muldiv(unsigned a, unsigned b) {
  const unsigned t = a * b + 128;
  return (t + (t >> 8)) >> 8;
}

// Four planes of ink to RGB; an Adobe marker means that the file holds 255 - ink.
void ink_to_rgb(const unsigned char* from, unsigned char* to, std::size_t pixels, bool inverted) {
  for (std::size_t i = 0; i < pixels; ++i, from += 4, to += 3) {
    const auto ink = [&](std::size_t plane) -> unsigned { return inverted ? 255u - from[plane] : from[plane]; };
    const unsigned paper = 255u - ink(3);
    for (std::size_t c = 0; c < 3; ++c) to[c] = static_cast<unsigned char>(paper - muldiv(ink(c), paper));
  }
}

Status failure(const Decompressor& jpeg) {
  return usage_error(std::string("is a truncated or damaged JPEG (") + jpeg.errors.message + ")");
}

}  // namespace

Result<RawImage> decode_jpeg(std::span<const std::byte> bytes) {
  Decompressor jpeg;
  if (!read_header(jpeg, bytes)) return failure(jpeg);
  auto& info = jpeg.info;
  EK_RETURN_IF_ERROR(check_pixel_count(info.image_width, info.image_height));
  const bool is_ink = info.num_components == 4;
  info.out_color_space = is_ink ? JCS_CMYK : JCS_RGB;

  RawImage raw{info.image_width, info.image_height, orientation_of(info), {}};
  const auto extents = [&](std::int64_t channels) {
    return Shape{static_cast<std::int64_t>(raw.height), static_cast<std::int64_t>(raw.width), channels};
  };
  EK_ASSIGN(Allocation made, allocate_tensor(DType::kUint8, extents(3)));
  raw.pixels = made.tensor;
  auto* rgb = reinterpret_cast<unsigned char*>(made.mutable_bytes.data());
  std::vector<unsigned char> ink(is_ink ? raw.width * raw.height * 4 : 0);
  const bool read = is_ink ? read_rows(jpeg, ink.data(), raw.width * 4) : read_rows(jpeg, rgb, raw.width * 3);
  if (!read || info.err->num_warnings > 0) return failure(jpeg);
  if (is_ink) ink_to_rgb(ink.data(), rgb, raw.width * raw.height, info.saw_Adobe_marker != 0);
  return raw;
}

}  // namespace edgekit
