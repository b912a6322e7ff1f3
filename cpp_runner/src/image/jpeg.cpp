// JPEG by libjpeg-turbo. Its error handler jumps, so no object with a destructor lives between setjmp and a jump.
#include "image/decode.h"

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <vector>

#include <jerror.h>   // needs jpeglib before it
#include <jpeglib.h>  // needs cstdio before it

namespace edgekit {
namespace {

struct ErrorManager {
  jpeg_error_mgr base;
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX];
  bool too_many_scans;
};

[[noreturn]] void on_error(j_common_ptr info) {
  auto* errors = reinterpret_cast<ErrorManager*>(info->err);
  info->err->format_message(info, errors->message);
  std::longjmp(errors->jump, 1);
}

// Warnings about bytes that change no pixel; docs/format.md has the list.
bool is_harmless(j_common_ptr info) {
  constexpr int kEndOfImage = 0xd9;
  switch (info->err->msg_code) {
    case JWRN_JFIF_MAJOR:
    case JWRN_ADOBE_XFORM:
    case JWRN_NOT_SEQUENTIAL:
      return true;
    case JWRN_EXTRANEOUS_DATA:  // between two scans or before a restart marker, the bytes belong to a damaged scan
      return info->err->msg_parm.i[1] == kEndOfImage ||
             reinterpret_cast<j_decompress_ptr>(info)->input_scan_number == 0;
    default:
      return false;
  }
}

// libjpeg decodes a truncated file with warnings; the first one that is not harmless is kept as the reason to refuse
// it.
void on_message(j_common_ptr info, int level) {
  if (level >= 0 || is_harmless(info)) return;
  if (info->err->num_warnings++ == 0)
    info->err->format_message(info, reinterpret_cast<ErrorManager*>(info->err)->message);
}

constexpr int kMostScans = 100;  // each takes time for all pixels, whatever its size
constexpr unsigned kLongestSide = JPEG_MAX_DIMENSION;

// libjpeg calls it again and again within each scan.
void on_progress(j_common_ptr info) {
  auto* errors = reinterpret_cast<ErrorManager*>(info->err);
  if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number <= kMostScans) return;
  errors->too_many_scans = true;
  std::longjmp(errors->jump, 1);
}

class Decompressor {
 public:
  Decompressor() {
    info.err = jpeg_std_error(&errors.base);
    errors.base.error_exit = on_error;
    errors.base.emit_message = on_message;
    errors.message[0] = '\0';
    progress.progress_monitor = on_progress;
  }
  ~Decompressor() { jpeg_destroy_decompress(&info); }
  Decompressor(const Decompressor&) = delete;
  Decompressor& operator=(const Decompressor&) = delete;

  jpeg_decompress_struct info{};
  ErrorManager errors{};
  jpeg_progress_mgr progress{};
};

// The first frame of a file: the marker, which names the process, the bits of a sample and the sides; 0 if there is
// none.
struct Frame {
  unsigned marker = 0;
  unsigned precision = 0;
  unsigned height = 0;
  unsigned width = 0;
};

Frame find_frame(std::span<const std::byte> bytes) {
  const auto byte = [&](std::size_t at) { return at < bytes.size() ? std::to_integer<unsigned>(bytes[at]) : 0u; };
  const auto is_frame = [](unsigned m) { return m >= 0xc0 && m <= 0xcf && m != 0xc4 && m != 0xc8 && m != 0xcc; };
  for (std::size_t at = 2; at + 1 < bytes.size();) {
    const unsigned marker = byte(at) == 0xff ? byte(at + 1) : 0;
    if (marker == 0 || marker == 0xff) {
      ++at;
      continue;
    }
    if (is_frame(marker)) {
      return {marker, byte(at + 4), byte(at + 5) << 8 | byte(at + 6), byte(at + 7) << 8 | byte(at + 8)};
    }
    if (marker == 0xda || marker == 0xd9) break;
    const bool alone = marker == 0x01 || (marker >= 0xd0 && marker <= 0xd8);
    at += alone ? 2 : 2 + std::max(2u, byte(at + 2) << 8 | byte(at + 3));
  }
  return {};
}

Status check_process(const Frame& frame) {
  if (frame.marker > 0xc2) {
    return usage_error("is a JPEG of the process SOF" + std::to_string(frame.marker - 0xc0) +
                       " (lossless, hierarchical or with arithmetic codes), which is not supported; save it again");
  }
  if (frame.marker != 0 && frame.precision != 8) {
    return usage_error("is a JPEG with " + std::to_string(frame.precision) +
                       " bits per sample, which is not supported; save it again");
  }
  if (frame.width > kLongestSide || frame.height > kLongestSide) {
    return usage_error("is a JPEG of " + std::to_string(frame.width) + " x " + std::to_string(frame.height) +
                       " pixels, whose sides may have at most " + std::to_string(kLongestSide) + "; make it smaller");
  }
  return {};
}

bool read_header(Decompressor& jpeg, std::span<const std::byte> bytes) {
  if (setjmp(jpeg.errors.jump) != 0) return false;
  jpeg_create_decompress(&jpeg.info);
  jpeg.info.progress = &jpeg.progress;
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
    if (data.starts_with(kExif)) return exif_orientation(std::as_bytes(std::span(data)));
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
  if (jpeg.errors.too_many_scans) {
    return usage_error("is a JPEG with more than " + std::to_string(kMostScans) +
                       " scans, which is not supported; save it again");
  }
  return usage_error(std::string("is a truncated or damaged JPEG (") + jpeg.errors.message + ")");
}

}  // namespace

Result<RawImage> decode_jpeg(std::span<const std::byte> bytes, PictureUse use) {
  EK_RETURN_IF_ERROR(check_process(find_frame(bytes)));
  Decompressor jpeg;
  if (!read_header(jpeg, bytes)) return failure(jpeg);
  auto& info = jpeg.info;
  EK_RETURN_IF_ERROR(check_stored_pixels(info.image_width, info.image_height));
  info.scale_num = 1;
  info.scale_denom = jpeg_scale(info.image_width, info.image_height, use);
  const auto scaled = [&](std::size_t side) { return (side + info.scale_denom - 1) / info.scale_denom; };
  RawImage raw{scaled(info.image_width), scaled(info.image_height), orientation_of(info), {}};
  EK_RETURN_IF_ERROR(check_pixel_count(raw.width, raw.height, use.resize));
  const bool is_ink = info.num_components == 4;
  const bool has_adobe = info.saw_Adobe_marker != 0;  // before the first scan; later markers do not count
  info.out_color_space = is_ink ? JCS_CMYK : JCS_RGB;

  const auto extents = [&](std::int64_t channels) {
    return Shape{static_cast<std::int64_t>(raw.height), static_cast<std::int64_t>(raw.width), channels};
  };
  EK_ASSIGN(Allocation made, allocate_tensor(DType::kUint8, extents(3)));
  raw.pixels = made.tensor;
  auto* rgb = reinterpret_cast<unsigned char*>(made.mutable_bytes.data());
  std::vector<unsigned char> ink(is_ink ? raw.width * raw.height * 4 : 0);
  const bool read = is_ink ? read_rows(jpeg, ink.data(), raw.width * 4) : read_rows(jpeg, rgb, raw.width * 3);
  if (!read || info.err->num_warnings > 0) return failure(jpeg);
  if (is_ink) ink_to_rgb(ink.data(), rgb, raw.width * raw.height, has_adobe);
  return raw;
}

}  // namespace edgekit
