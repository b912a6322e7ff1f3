#include "format/archive.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <set>
#include <vector>

namespace edgekit {
namespace {

static_assert(std::endian::native == std::endian::little, "packages hold little-endian tensors");

constexpr std::uint32_t kLocalMagic = 0x04034b50;
constexpr std::uint32_t kCentralMagic = 0x02014b50;
constexpr std::uint32_t kDescriptorMagic = 0x08074b50;
constexpr std::uint32_t kEndMagic = 0x06054b50;
constexpr std::uint32_t kZip64Magic = 0x06064b50;
constexpr std::uint32_t kZip64LocatorMagic = 0x07064b50;
constexpr std::size_t kLocalSize = 30;
constexpr std::size_t kCentralSize = 46;
constexpr std::size_t kDescriptorSize = 16;
constexpr std::size_t kEndSize = 22;
constexpr std::size_t kZip64Size = 56;
constexpr std::size_t kZip64LocatorSize = 20;
constexpr std::uint32_t kZip64 = 0xffffffff;
constexpr unsigned kUtf8 = 0x0800;
constexpr unsigned kHasDescriptor = 0x0008;
constexpr std::uint32_t kRegularFile = 8;  // in the upper 4 bits of the attributes
constexpr unsigned kStored = 0;
constexpr unsigned kDeflated = 8;
constexpr std::uint64_t kDeflateRatio = 1032;  // deflate cannot compress better
constexpr std::string_view kPadding = "FB";    // the extra field that pads records to a multiple of 64
constexpr std::string_view kManifestSuffix = "/extra/edgekit/manifest.json";

// A cursor over untrusted bytes: every read is checked.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  [[nodiscard]] bool has(std::size_t offset, std::size_t size) const {
    return offset <= bytes_.size() && size <= bytes_.size() - offset;
  }
  template <typename T>
  [[nodiscard]] T get(std::size_t offset) const {
    T value{};
    if (has(offset, sizeof(T))) std::memcpy(&value, bytes_.data() + offset, sizeof(T));
    return value;
  }
  [[nodiscard]] std::string_view text(std::size_t offset, std::size_t size) const {
    return {reinterpret_cast<const char*>(bytes_.data() + offset), size};
  }
  [[nodiscard]] bool same(std::size_t a, std::size_t b, std::size_t size) const {
    return text(a, size) == text(b, size);
  }
  [[nodiscard]] std::span<const std::byte> slice(std::size_t offset, std::size_t size) const {
    return bytes_.subspan(offset, size);
  }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }

 private:
  std::span<const std::byte> bytes_;
};

// What breaks a rule of the container (docs/format.md, "Container"); Archive::open turns it into an error.
struct Broken {
  std::string why;
};

void require(bool rule, const std::string& why) {
  if (!rule) throw Broken{why};
}

struct Entry {
  std::size_t at = 0;  // its offset in the directory
  std::string_view name;
  unsigned flags = 0;
  unsigned method = 0;
  std::uint32_t crc = 0;
  std::uint32_t packed_size = 0;
  std::uint32_t size = 0;
  std::uint32_t local_offset = 0;
  std::size_t next = 0;

  // For messages, which end at a zero byte.
  [[nodiscard]] std::string quoted() const {
    std::string text(name);
    std::replace(text.begin(), text.end(), '\0', '?');
    return "record '" + text + "'";
  }
};

struct Directory {
  std::vector<Entry> entries;
  std::size_t start = 0;
  bool zip64 = false;
};

// torch itself also writes zip64 records, which must repeat the count, size and offset of the end record.
bool check_zip64(const Reader& reader, std::size_t end) {
  if (end < kZip64LocatorSize || reader.get<std::uint32_t>(end - kZip64LocatorSize) != kZip64LocatorMagic) return false;
  const std::size_t locator = end - kZip64LocatorSize;
  require(locator >= kZip64Size, "its zip64 records are cut off");
  const std::size_t record = locator - kZip64Size;
  require(reader.get<std::uint32_t>(locator + 4) == 0 && reader.get<std::uint64_t>(locator + 8) == record &&
              reader.get<std::uint32_t>(locator + 16) == 1 && reader.get<std::uint32_t>(record) == kZip64Magic &&
              reader.get<std::uint64_t>(record + 4) == kZip64Size - 12,
          "its zip64 locator does not point at the zip64 record right before it");
  require(reader.get<std::uint64_t>(record + 16) == 0 &&
              reader.get<std::uint64_t>(record + 24) == reader.get<std::uint16_t>(end + 10) &&
              reader.get<std::uint64_t>(record + 32) == reader.get<std::uint16_t>(end + 10) &&
              reader.get<std::uint64_t>(record + 40) == reader.get<std::uint32_t>(end + 12) &&
              reader.get<std::uint64_t>(record + 48) == reader.get<std::uint32_t>(end + 16),
          "its zip64 record contradicts the end record, or the file has 4 GB or more");
  return true;
}

Entry read_entry(const Reader& reader, std::size_t at, std::size_t end) {
  require(at + kCentralSize <= end && reader.get<std::uint32_t>(at) == kCentralMagic, "its zip directory is cut off");
  const std::size_t name_size = reader.get<std::uint16_t>(at + 28);
  const std::size_t extra_size = reader.get<std::uint16_t>(at + 30);
  const std::size_t comment_size = reader.get<std::uint16_t>(at + 32);
  const std::size_t next = at + kCentralSize + name_size + extra_size + comment_size;
  require(next <= end, "its zip directory is cut off");
  Entry entry{at,
              reader.text(at + kCentralSize, name_size),
              reader.get<std::uint16_t>(at + 8),
              reader.get<std::uint16_t>(at + 10),
              reader.get<std::uint32_t>(at + 16),
              reader.get<std::uint32_t>(at + 20),
              reader.get<std::uint32_t>(at + 24),
              reader.get<std::uint32_t>(at + 42),
              next};
  require(comment_size == 0 && reader.get<std::uint16_t>(at + 34) == 0,
          entry.quoted() + " has a comment, or is in another file");
  const auto attributes = reader.get<std::uint32_t>(at + 38);
  const std::uint32_t file_type = attributes >> 28;
  require((attributes & 0xffff) == 0 && (file_type == 0 || file_type == kRegularFile),
          entry.quoted() + " has attributes of a folder or special file");  // libtorch reads nothing of a folder
  return entry;
}

Directory read_directory(const Reader& reader) {
  require(reader.size() >= kEndSize, "it has no zip directory at its end");
  const std::size_t end = reader.size() - kEndSize;
  require(reader.get<std::uint32_t>(end) == kEndMagic && reader.get<std::uint16_t>(end + 20) == 0,
          "it has no zip directory at its end, or a comment or other bytes after it");
  const std::size_t count = reader.get<std::uint16_t>(end + 10);
  require(reader.get<std::uint32_t>(end + 4) == 0 && reader.get<std::uint16_t>(end + 8) == count,
          "it is one part of several files");
  Directory directory{{}, reader.get<std::uint32_t>(end + 16), check_zip64(reader, end)};
  const std::size_t directory_end = directory.zip64 ? end - kZip64Size - kZip64LocatorSize : end;
  require(directory.start + reader.get<std::uint32_t>(end + 12) == directory_end,
          "its zip directory is not where the end record says");
  std::size_t at = directory.start;
  for (std::size_t i = 0; i < count; ++i) {
    directory.entries.push_back(read_entry(reader, at, directory_end));
    at = directory.entries.back().next;
  }
  require(at == directory_end, "its zip directory has more records than the end record says");
  return directory;
}

void check_extra(const Reader& reader, const Entry& entry, std::size_t at, std::size_t size) {
  const bool padding = size >= 4 && reader.text(at, 2) == kPadding && reader.get<std::uint16_t>(at + 2) == size - 4;
  require(size == 0 || padding, entry.quoted() + " has an extra field other than padding");
}

void check_entry(const Reader& reader, const Entry& entry, bool plain) {
  require((entry.flags & ~(kUtf8 | (plain ? kHasDescriptor : 0))) == 0,
          entry.quoted() + " is encrypted, or has a data descriptor or other flags");
  require(entry.method == kStored || (plain && entry.method == kDeflated),
          entry.quoted() + " is compressed; a package stores it uncompressed");
  require(entry.size != kZip64 && entry.packed_size != kZip64 && entry.local_offset != kZip64,
          entry.quoted() + " needs zip64; files of 4 GB and more are not supported");
  require(entry.method != kStored || entry.size == entry.packed_size, entry.quoted() + " has two sizes");
  require(entry.size <= kDeflateRatio * entry.packed_size, entry.quoted() + " has more bytes than it can unpack");
  const std::size_t extra = entry.at + kCentralSize + entry.name.size();
  check_extra(reader, entry, extra, entry.next - extra);
}

struct Place {
  std::size_t data = 0;
  std::size_t end = 0;  // after the data descriptor, where there is one
};

// Compares the local header with the directory: both have name, version, flags, method, date, checksum and sizes.
Place check_local(const Reader& reader, const Entry& entry, std::size_t limit) {
  const std::size_t at = entry.local_offset;
  const std::size_t extra = at + kLocalSize + entry.name.size();
  require(extra <= limit && reader.get<std::uint32_t>(at) == kLocalMagic, entry.quoted() + " has no local header");
  constexpr std::size_t kVersions = 10;  // bytes, up to the checksum
  constexpr std::size_t kSizes = 12;
  const bool later = (entry.flags & kHasDescriptor) != 0;
  const bool sizes = reader.same(at + 14, entry.at + 16, kSizes) ||
                     (later && reader.text(at + 14, kSizes) == std::string(kSizes, '\0'));
  require(sizes && reader.same(at + 4, entry.at + 6, kVersions) &&
              reader.get<std::uint16_t>(at + 26) == entry.name.size() &&
              reader.text(at + kLocalSize, entry.name.size()) == entry.name,
          entry.quoted() + " has a local header that contradicts the directory");
  const std::size_t extra_size = reader.get<std::uint16_t>(at + 28);
  const Place place{extra + extra_size, extra + extra_size + entry.packed_size + (later ? kDescriptorSize : 0)};
  require(place.end <= limit, entry.quoted() + " is outside the file");
  check_extra(reader, entry, extra, extra_size);
  const std::size_t descriptor = place.end - kDescriptorSize;
  require(!later || (reader.get<std::uint32_t>(descriptor) == kDescriptorMagic &&
                     reader.same(descriptor + 4, entry.at + 16, kSizes)),
          entry.quoted() + " has a data descriptor that contradicts the directory");
  return place;
}

// The name without the root folder.
std::string_view plain_name(const Entry& entry, std::string_view root) {
  require(entry.name.starts_with(root), entry.quoted() + " is outside the root folder");
  const std::string_view name = entry.name.substr(root.size());
  const bool plain = std::none_of(entry.name.begin(), entry.name.end(), [&](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f || byte == '\\' || (byte > 0x7f && (entry.flags & kUtf8) == 0);
  });
  const std::string framed = "/" + std::string(name) + "/";
  const bool inside = framed.find("//") == std::string::npos && framed.find("/./") == std::string::npos &&
                      framed.find("/../") == std::string::npos;
  require(plain && inside, entry.quoted() + " has a name that is not plain, or that leads to another folder");
  return name;
}

// What libtorch compares: its reader ignores case.
std::string comparable(std::string_view name) {
  std::string text(name);
  if (text.starts_with("code/")) return text;
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

}  // namespace

bool Archive::looks_like_zip(std::span<const std::byte> bytes) {
  return Reader(bytes).get<std::uint32_t>(0) == kLocalMagic;
}

Result<Archive> Archive::open(std::shared_ptr<const MappedFile> file, const std::string& path) {
  Archive archive;
  try {
    archive.read(file->bytes());
  } catch (const Broken& broken) {
    return package_error(path + ": " + broken.why + "; the file is truncated or damaged, copy or export it again");
  }
  archive.file_ = std::move(file);
  return archive;
}

// The records follow each other without gaps, from the first byte to the directory.
void Archive::read(std::span<const std::byte> bytes) {
  const Reader reader(bytes);
  const Directory directory = read_directory(reader);
  const auto& entries = directory.entries;
  const std::string_view first = entries.empty() ? std::string_view() : entries.front().name;
  const std::string_view root = first.substr(0, std::min(first.find('/'), first.size() - 1) + 1);
  const bool plain = std::none_of(entries.begin(), entries.end(),
                                  [](const Entry& entry) { return entry.name.ends_with(kManifestSuffix); });
  require(plain || !directory.zip64, "it has zip64 records; a package has none");
  std::set<std::string> seen;
  std::size_t at = 0;
  for (const Entry& entry : entries) {
    const std::string_view name = plain_name(entry, root);
    require(seen.insert(comparable(name)).second, entry.quoted() + " occurs twice");
    check_entry(reader, entry, plain);
    require(entry.local_offset == at, entry.quoted() + " does not start where the record before it ends");
    const Place place = check_local(reader, entry, directory.start);
    at = place.end;
    records_.emplace(name, Record{reader.slice(place.data, entry.packed_size), entry.method != kStored, entry.crc});
  }
  require(at == directory.start, "it has other bytes between its last record and its zip directory");
}

std::optional<std::span<const std::byte>> Archive::find(std::string_view name) const {
  const auto found = records_.find(name);
  if (found == records_.end()) return std::nullopt;
  return found->second.bytes;
}

}  // namespace edgekit
