#include "format/archive.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace edgekit {
namespace {

static_assert(std::endian::native == std::endian::little, "packages hold little-endian tensors");

constexpr std::uint32_t kLocalMagic = 0x04034b50;
constexpr std::uint32_t kCentralMagic = 0x02014b50;
constexpr std::uint32_t kEndMagic = 0x06054b50;
constexpr std::size_t kLocalSize = 30;
constexpr std::size_t kCentralSize = 46;
constexpr std::size_t kEndSize = 22;
constexpr std::size_t kLongestComment = 0xffff;
constexpr std::uint32_t kZip64 = 0xffffffff;

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
  [[nodiscard]] std::span<const std::byte> slice(std::size_t offset, std::size_t size) const {
    return bytes_.subspan(offset, size);
  }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }

 private:
  std::span<const std::byte> bytes_;
};

std::optional<std::size_t> find_end_record(const Reader& reader) {
  if (reader.size() < kEndSize) return std::nullopt;
  const std::size_t last = reader.size() - kEndSize;
  const std::size_t first = last > kLongestComment ? last - kLongestComment : 0;
  for (std::size_t at = last + 1; at-- > first;) {
    if (reader.get<std::uint32_t>(at) == kEndMagic) return at;
  }
  return std::nullopt;
}

struct Entry {
  std::string_view name;
  std::uint16_t method = 0;
  std::uint32_t size = 0;
  std::uint32_t packed_size = 0;
  std::uint32_t local_offset = 0;
  std::size_t next = 0;
};

std::optional<Entry> read_entry(const Reader& reader, std::size_t at) {
  if (!reader.has(at, kCentralSize) || reader.get<std::uint32_t>(at) != kCentralMagic) return std::nullopt;
  const std::size_t name_size = reader.get<std::uint16_t>(at + 28);
  const std::size_t rest = std::size_t{reader.get<std::uint16_t>(at + 30)} + reader.get<std::uint16_t>(at + 32);
  if (!reader.has(at + kCentralSize, name_size + rest)) return std::nullopt;
  return Entry{reader.text(at + kCentralSize, name_size), reader.get<std::uint16_t>(at + 10),
               reader.get<std::uint32_t>(at + 24),        reader.get<std::uint32_t>(at + 20),
               reader.get<std::uint32_t>(at + 42),        at + kCentralSize + name_size + rest};
}

std::optional<std::span<const std::byte>> entry_bytes(const Reader& reader, const Entry& entry) {
  const std::size_t at = entry.local_offset;
  if (!reader.has(at, kLocalSize) || reader.get<std::uint32_t>(at) != kLocalMagic) return std::nullopt;
  const std::size_t name_size = reader.get<std::uint16_t>(at + 26);
  const std::size_t data = at + kLocalSize + name_size + reader.get<std::uint16_t>(at + 28);
  if (!reader.has(at + kLocalSize, name_size) || !reader.has(data, entry.packed_size)) return std::nullopt;
  if (reader.text(at + kLocalSize, name_size) != entry.name) return std::nullopt;
  return reader.slice(data, entry.packed_size);
}

}  // namespace

bool Archive::looks_like_zip(std::span<const std::byte> bytes) {
  return Reader(bytes).get<std::uint32_t>(0) == kLocalMagic;
}

Result<Archive> Archive::open(std::shared_ptr<const MappedFile> file, const std::string& path) {
  const Reader reader(file->bytes());
  const auto bad = [&](const std::string& why) {
    return package_error(path + ": " + why + "; the file is truncated or damaged, copy or export it again");
  };
  const auto end = find_end_record(reader);
  if (!end) return bad("it has no zip directory at its end");
  const std::size_t count = reader.get<std::uint16_t>(*end + 10);
  std::size_t at = reader.get<std::uint32_t>(*end + 16);
  if (at == kZip64) return package_error(path + " needs zip64; files of 4 GB and more are not supported");

  Archive archive;
  for (std::size_t i = 0; i < count; ++i) {
    const auto entry = read_entry(reader, at);
    if (!entry) return bad("its zip directory is cut off");
    at = entry->next;
    if (entry->name.ends_with('/')) continue;
    const std::string name(entry->name.substr(std::min(entry->name.find('/') + 1, entry->name.size())));
    if (entry->size == kZip64 || entry->local_offset == kZip64) {
      return package_error(path + ": record " + name + " needs zip64; files of 4 GB and more are not supported");
    }
    const auto bytes = entry_bytes(reader, *entry);
    if (!bytes) return bad("record " + name + " is outside the file");
    const bool compressed = entry->method != 0 || entry->packed_size != entry->size;
    if (!archive.records_.emplace(name, Record{*bytes, compressed}).second)
      return bad("record " + name + " occurs twice");
  }
  archive.file_ = std::move(file);
  return archive;
}

std::optional<std::span<const std::byte>> Archive::find(std::string_view name) const {
  const auto found = records_.find(name);
  if (found == records_.end()) return std::nullopt;
  return found->second.bytes;
}

}  // namespace edgekit
