// PNG by libpng, which sees the critical chunks alone: no other chunk can refuse a picture, change it or take memory.
// Its error handler jumps, so no object with a destructor lives between setjmp and a jump.
#include "image/decode.h"
#include "image/png_chunks.h"

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstring>
#include <vector>

#include <png.h>

namespace edgekit {
namespace {

// The signature and the chunks, one after the other.
struct Source {
  std::span<const std::span<const std::byte>> parts;
  std::span<const std::byte> bytes;
  bool ended = false;
  std::array<char, 128> message{};
};

void on_read(png_structp png, png_bytep to, png_size_t size) {
  auto* source = static_cast<Source*>(png_get_io_ptr(png));
  while (size > 0) {
    if (source->bytes.empty()) {
      source->ended = source->parts.empty();
      if (source->ended) png_error(png, "the file ends early");
      source->bytes = source->parts.front();
      source->parts = source->parts.subspan(1);
    }
    const std::size_t part = std::min(size, source->bytes.size());
    std::memcpy(to, source->bytes.data(), part);
    source->bytes = source->bytes.subspan(part);
    to += part;
    size -= part;
  }
}

[[noreturn]] void on_error(png_structp png, png_const_charp message) {
  auto* source = static_cast<Source*>(png_get_error_ptr(png));
  std::strncpy(source->message.data(), message, source->message.size() - 1);
  png_longjmp(png, 1);
}

void on_warning(png_structp, png_const_charp) {}  // of image data after the rows, and of colours beyond the palette

class Png {
 public:
  explicit Png(Source* source)
      : png(png_create_read_struct(PNG_LIBPNG_VER_STRING, source, on_error, on_warning)),
        info(png == nullptr ? nullptr : png_create_info_struct(png)) {}
  ~Png() { png_destroy_read_struct(&png, &info, nullptr); }
  Png(const Png&) = delete;
  Png& operator=(const Png&) = delete;

  png_structp png;
  png_infop info;
};

bool read_header(Png& it, Source& source) {
  if (setjmp(png_jmpbuf(it.png)) != 0) return false;
  png_set_read_fn(it.png, &source, on_read);
  png_set_crc_action(it.png, PNG_CRC_QUIET_USE, PNG_CRC_QUIET_USE);  // read_png_chunks has checked them
  png_set_user_limits(it.png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);     // check_pixel_count has a clearer message
  png_read_info(it.png, it.info);
  return true;
}

// Everything becomes 8-bit RGB: palettes and few bits expanded, 16 bits cut to their upper 8, alpha dropped.
bool read_rows(Png& it, const Source& source, png_bytepp rows) {
  // read_png_chunks has seen that the data of all rows are there, so libpng misses more of them only behind the last
  // row.
  if (setjmp(png_jmpbuf(it.png)) != 0) return source.ended;
  const int color = png_get_color_type(it.png, it.info);
  if (color == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(it.png);
  if ((color & PNG_COLOR_MASK_COLOR) == 0) {
    png_set_expand_gray_1_2_4_to_8(it.png);
    png_set_gray_to_rgb(it.png);
  }
  png_set_strip_16(it.png);
  png_set_strip_alpha(it.png);
  png_read_update_info(it.png, it.info);
  png_read_image(it.png, rows);  // nothing after the rows counts
  return true;
}

Status failure(const Source& source) {
  return usage_error(std::string("is a truncated or damaged PNG (") + source.message.data() + ")");
}

}  // namespace

Result<RawImage> decode_png(std::span<const std::byte> bytes, std::uint64_t resize) {
  constexpr std::size_t kSignature = 8;
  EK_ASSIGN(PngChunks chunks, read_png_chunks(bytes, resize));
  chunks.critical.insert(chunks.critical.begin(), bytes.first(kSignature));
  Source source{chunks.critical, {}};
  Png it(&source);
  if (it.info == nullptr) return runtime_error("cannot be decoded: out of memory");
  if (!read_header(it, source)) return failure(source);
  RawImage raw{chunks.width, chunks.height, exif_orientation(chunks.exif), {}};
  EK_ASSIGN(Allocation made, allocate_tensor(DType::kUint8, {static_cast<std::int64_t>(raw.height),
                                                             static_cast<std::int64_t>(raw.width), 3}));
  raw.pixels = made.tensor;
  auto* first = reinterpret_cast<png_bytep>(made.mutable_bytes.data());
  std::vector<png_bytep> rows(raw.height);
  for (std::size_t y = 0; y < raw.height; ++y) rows[y] = first + y * raw.width * 3;
  if (!read_rows(it, source, rows.data())) return failure(source);
  return raw;
}

}  // namespace edgekit
