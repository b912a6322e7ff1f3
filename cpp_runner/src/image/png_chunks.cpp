#include "image/png_chunks.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include <zlib.h>

#include "core/digest.h"
#include "image/decode.h"

namespace edgekit {
namespace {

constexpr std::size_t kMagic = 8, kAround = 12;  // bytes before the first chunk, and around the content of each
enum Color : unsigned { kGrey = 0, kRgb = 2, kPalette = 3, kGreyAlpha = 4, kRgba = 6 };

struct Chunk {
  std::string_view type;
  std::span<const std::byte> content;
  std::span<const std::byte> whole;
};

struct Header {
  std::uint32_t width, height;
  unsigned depth, color, compression, filter, interlace;
};

std::uint32_t read_u32(std::span<const std::byte> bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | std::to_integer<std::uint32_t>(bytes[at + i]);
  return value;
}

Status damaged(const std::string& why) {
  return usage_error("is a truncated or damaged PNG (" + why + ")");
}

Result<Chunk> chunk_at(std::span<const std::byte> file, std::size_t at) {
  if (file.size() - at < kAround) return damaged("the file ends before IEND");
  const std::size_t length = read_u32(file, at);
  const std::string_view type(reinterpret_cast<const char*>(file.data()) + at + 4, 4);
  const auto is_letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); };
  if (!std::all_of(type.begin(), type.end(), is_letter)) return damaged("the type of a chunk is not four letters");
  const std::string name(type);
  if (length > file.size() - at - kAround) return damaged("the file ends within " + name);
  if (crc32(file.subspan(at + 4, length + 4)) != read_u32(file, at + 8 + length)) {
    return damaged("wrong checksum of " + name);
  }
  return Chunk{type, file.subspan(at + 8, length), file.subspan(at, length + kAround)};
}

bool has_depth(const Header& it) {
  const auto one_of = [&](std::initializer_list<unsigned> depths) {
    return std::find(depths.begin(), depths.end(), it.depth) != depths.end();
  };
  switch (it.color) {
    case kGrey:
      return one_of({1, 2, 4, 8, 16});
    case kPalette:
      return one_of({1, 2, 4, 8});
    case kRgb:
    case kGreyAlpha:
    case kRgba:
      return one_of({8, 16});
    default:
      return false;
  }
}

Result<Header> read_header(const Chunk& chunk) {
  constexpr std::size_t kHeaderSize = 13;
  if (chunk.type != "IHDR") return damaged("the first chunk is not IHDR");
  if (chunk.content.size() != kHeaderSize) return damaged("IHDR does not have 13 bytes");
  const auto byte = [&](std::size_t at) { return std::to_integer<unsigned>(chunk.content[at]); };
  const Header it{
      read_u32(chunk.content, 0), read_u32(chunk.content, 4), byte(8), byte(9), byte(10), byte(11), byte(12)};
  constexpr std::uint32_t kMostSide = std::numeric_limits<std::int32_t>::max();
  if (it.width > kMostSide || it.height > kMostSide) return damaged("a side has more than 2^31 - 1 pixels");
  if (!has_depth(it)) return damaged("its colour type does not exist with its number of bits");
  if (it.compression != 0 || it.filter != 0 || it.interlace > 1) {
    return damaged("the compression, filter or interlace method does not exist");
  }
  return it;
}

Status add_palette(PngChunks& chunks, const Header& header, const Chunk& chunk) {
  constexpr std::size_t kMostBytes = 768;
  if (chunks.has_palette) return damaged("there are two PLTE chunks");
  chunks.has_palette = true;
  if (header.color != kPalette) return {};  // only a hint for displays
  const std::size_t size = chunk.content.size();
  if (size % 3 != 0 || size == 0 || size > kMostBytes || !chunks.data.empty()) {
    return damaged("PLTE does not have 1 to 256 colours, or is not before IDAT");
  }
  chunks.critical.push_back(chunk.whole);
  return {};
}

// `last` is the type of the chunk before.
Status add(PngChunks& chunks, const Header& header, const Chunk& chunk, std::string_view last) {
  constexpr char kAncillaryBit = 0x20;
  if (chunk.type == "IDAT") {
    if (!chunks.data.empty() && last != "IDAT") return damaged("there is a chunk between two IDAT chunks");
    chunks.data.push_back(chunk.content);
    chunks.critical.push_back(chunk.whole);
  } else if (chunk.type == "PLTE") {
    return add_palette(chunks, header, chunk);
  } else if (chunk.type == "eXIf") {
    if (chunks.exif.empty()) chunks.exif = chunk.content;
  } else if (chunk.type == "IHDR") {
    return damaged("there are two IHDR chunks");
  } else if ((chunk.type[0] & kAncillaryBit) == 0 && chunk.type != "IEND") {
    return usage_error("is a PNG with the unknown critical chunk " + std::string(chunk.type) +
                       ", which is not supported; save the picture again");
  }
  return {};
}

// The bytes of all rows, each with its filter type, before compression.
std::uint64_t data_size(const Header& header) {
  struct Pass {
    std::uint32_t x, y, step_x, step_y;
  };
  constexpr std::array<Pass, 7> kAdam7{
      {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}}};
  constexpr std::array<Pass, 1> kWhole{{{0, 0, 1, 1}}};
  constexpr std::array<unsigned, 7> kChannels{1, 0, 3, 1, 2, 0, 4};
  std::uint64_t size = 0;
  const auto steps = [](std::uint64_t side, std::uint64_t start, std::uint64_t step) {
    return side > start ? (side - start + step - 1) / step : 0;
  };
  const std::span<const Pass> passes = header.interlace == 1 ? std::span<const Pass>(kAdam7) : kWhole;
  for (const Pass& it : passes) {
    const std::uint64_t columns = steps(header.width, it.x, it.step_x), rows = steps(header.height, it.y, it.step_y);
    if (columns > 0) size += rows * (1 + (columns * header.depth * kChannels[header.color] + 7) / 8);
  }
  return size;
}

// Inflates into a small buffer and drops the bytes.
class Inflater {
 public:
  Inflater() { ready_ = inflateInit(&stream_) == Z_OK; }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  [[nodiscard]] bool ready() const { return ready_; }
  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] std::size_t unread() const { return stream_.avail_in; }
  void give(std::span<const std::byte> bytes) {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());  // a chunk has less than 4 GB
  }
  // The number of bytes that came out, at most `most`; nothing where the stream is damaged.
  std::optional<std::size_t> take(std::uint64_t most) {
    const auto room = static_cast<uInt>(std::min<std::uint64_t>(most, buffer_.size()));
    stream_.next_out = buffer_.data();
    stream_.avail_out = room;
    const int code = inflate(&stream_, Z_NO_FLUSH);
    ended_ = code == Z_STREAM_END;
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) return std::nullopt;
    return room - stream_.avail_out;
  }
  [[nodiscard]] std::string message() const { return stream_.msg != nullptr ? stream_.msg : "a preset dictionary"; }

 private:
  z_stream stream_{};
  bool ready_ = false;
  bool ended_ = false;
  std::vector<Bytef> buffer_ = std::vector<Bytef>(std::size_t{1} << 16);
};

// Inflates the rows, and one byte more: the stream ends there, with a right checksum, or goes on and is not read.
// Gives the number of compressed bytes that this needs.
Result<std::size_t> check_data(const std::vector<std::span<const std::byte>>& parts, std::uint64_t size) {
  Inflater inflater;
  if (!inflater.ready()) return runtime_error("cannot be decoded: out of memory");
  std::uint64_t missing = size + 1;
  std::size_t needed = 0;
  for (const auto part : parts) {
    inflater.give(part);
    while (missing > 0 && !inflater.ended()) {
      const auto got = inflater.take(missing);
      if (!got) return damaged("image data: " + inflater.message());
      if (*got == 0) break;
      missing -= *got;
    }
    needed += part.size() - inflater.unread();
    if (missing == 0 || inflater.ended()) break;
  }
  if (missing > 1) return damaged(std::to_string(missing - 1) + " bytes of image data are missing");
  if (missing > 0 && !inflater.ended()) return damaged("the end of the image data is missing");
  return needed;
}

// libpng inflates everything that it gets, so it gets no more than the rows need, and the buffer that it reads into.
void cut_data(PngChunks& chunks, std::size_t needed) {
  constexpr std::size_t kBuffer = std::size_t{1} << 14, kBeforeContent = 8;
  const std::size_t first = chunks.critical.size() - chunks.data.size();
  std::size_t left = needed + kBuffer;
  for (std::size_t i = 0; i < chunks.data.size(); ++i) {
    if (chunks.data[i].size() > left) {
      chunks.critical.resize(first + i + 1);
      chunks.critical.back() = chunks.critical.back().first(kBeforeContent + left);
      return;
    }
    left -= chunks.data[i].size();
  }
}

}  // namespace

Result<PngChunks> read_png_chunks(std::span<const std::byte> file, std::uint64_t resize) {
  EK_ASSIGN(Chunk chunk, chunk_at(file, kMagic));
  EK_ASSIGN(const Header header, read_header(chunk));
  EK_RETURN_IF_ERROR(check_pixel_count(header.width, header.height, resize));
  PngChunks chunks;
  chunks.width = header.width;
  chunks.height = header.height;
  chunks.critical.push_back(chunk.whole);
  std::size_t at = kMagic;
  while (chunk.type != "IEND") {
    const std::string_view last = chunk.type;
    at += chunk.whole.size();
    EK_ASSIGN(chunk, chunk_at(file, at));
    EK_RETURN_IF_ERROR(add(chunks, header, chunk, last));
  }
  if (chunks.data.empty()) return damaged("there is no IDAT chunk");
  if (header.color == kPalette && !chunks.has_palette) return damaged("PLTE is missing");
  EK_ASSIGN(const std::size_t needed, check_data(chunks.data, data_size(header)));
  cut_data(chunks, needed);
  return chunks;
}

}  // namespace edgekit
