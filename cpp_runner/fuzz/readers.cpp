#include "readers.h"

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/digest.h"
#include "core/npy.h"
#include "format/labels.h"
#include "format/package.h"
#include "format/pickle_stack.h"
#include "format/pickles.h"
#include "image/decode.h"
#include "image/png_chunks.h"

namespace edgekit::fuzz {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::uint64_t kSlowPixels = std::uint64_t{1} << 20;  // larger pictures take long and show nothing more
constexpr std::size_t kSlowElements = std::size_t{1} << 20;

// A file in memory, for readers that take a path.
class MemoryFile {
 public:
  explicit MemoryFile(Bytes bytes) : fd_(::memfd_create("input", MFD_CLOEXEC)) {
    if (fd_ < 0 || ::write(fd_, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) std::abort();
  }
  ~MemoryFile() { ::close(fd_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

// All that reads a package before libtorch does.
void read_package(Bytes bytes) {
  const MemoryFile file(bytes);
  const auto package = open_package(file.path());
  if (!package.ok()) return;
  (void)check_digests(*package);
  (void)check_pickles(*package);
}

// A pickle alone, since few mutants of a package reach it.
void read_pickle(Bytes bytes) {
  try {
    PickleStack(bytes, [](const PickledTensor&) {}).run();
  } catch (const BadPickle&) {
  }
}

void generate(const GoldenCase& golden) {
  for (const GoldenInput& input : golden.inputs) {
    const auto count = element_count(input.shape, input.dtype);
    if (count && *count <= kSlowElements) (void)make_input(input);
  }
}

// The texts of a package. The first byte says which: m, g or l.
void read_text(Bytes bytes) {
  if (bytes.empty()) return;
  const std::string_view all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const std::string_view text = all.substr(1);
  if (all[0] == 'm') (void)parse_manifest(text);
  if (all[0] == 'l') (void)parse_labels(text);
  if (all[0] != 'g') return;
  const auto goldens = parse_golden(text);
  if (!goldens.ok()) return;
  for (const GoldenCase& golden : *goldens) generate(golden);
}

void read_array(Bytes bytes) {
  const MemoryFile file(bytes);
  (void)read_npy(file.path());
}

void write_u32(std::byte* to, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) *to++ = static_cast<std::byte>(value >> shift);
}

// The file with a right checksum of each chunk, since a mutant with a wrong one is refused early.
std::vector<std::byte> with_checksums(Bytes bytes) {
  constexpr std::size_t kMagic = 8, kAround = 12;
  std::vector<std::byte> file(bytes.begin(), bytes.end());
  for (std::size_t at = kMagic; at + kAround <= file.size();) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < 4; ++i) length = length << 8 | std::to_integer<std::size_t>(file[at + i]);
    if (length > file.size() - at - kAround) break;
    write_u32(file.data() + at + 8 + length, crc32(Bytes(file).subspan(at + 4, length + 4)));
    at += length + kAround;
  }
  return file;
}

void read_png(Bytes bytes) {
  if (picture_kind(bytes) != "PNG") return;
  const auto file = with_checksums(bytes);
  const auto chunks = read_png_chunks(file, 0);
  if (!chunks.ok() || std::uint64_t{chunks->width} * chunks->height > kSlowPixels) return;
  (void)decode_png(file, 0);
}

// Whether some frame header, or what looks like one, has too many pixels.
bool is_slow_jpeg(Bytes bytes) {
  const auto byte = [&](std::size_t at) { return std::to_integer<std::uint64_t>(bytes[at]); };
  for (std::size_t at = 0; at + 9 <= bytes.size(); ++at) {
    if (byte(at) != 0xff || byte(at + 1) < 0xc0 || byte(at + 1) > 0xcf) continue;
    const std::uint64_t height = byte(at + 5) << 8 | byte(at + 6), width = byte(at + 7) << 8 | byte(at + 8);
    if (height * width > kSlowPixels) return true;
  }
  return false;
}

void read_jpeg(Bytes bytes) {
  if (picture_kind(bytes) != "JPEG" || is_slow_jpeg(bytes)) return;
  (void)decode_jpeg(bytes, {});
  (void)decode_jpeg(bytes, {.resize = 1});  // at the smallest scale
}

struct Row {
  std::string_view name;
  Reader reader;
};
constexpr std::array<Row, 6> kReaders{{{"package", read_package},
                                       {"pickle", read_pickle},
                                       {"text", read_text},
                                       {"npy", read_array},
                                       {"png", read_png},
                                       {"jpeg", read_jpeg}}};

}  // namespace

Reader find_reader(std::string_view name) {
  for (const Row& row : kReaders) {
    if (row.name == name) return row.reader;
  }
  return nullptr;
}

}  // namespace edgekit::fuzz
