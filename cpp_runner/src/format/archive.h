// Reads the zip container of a package without libtorch: names, sizes and the bytes of records.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/files.h"
#include "core/status.h"

namespace edgekit {

struct Record {
  std::span<const std::byte> bytes;
  bool compressed = false;  // torch compresses only records with source code
  std::uint32_t crc = 0;    // CRC-32 of the unpacked bytes, as the header says
};

class Archive {
 public:
  // Whether the bytes begin like a zip file.
  [[nodiscard]] static bool looks_like_zip(std::span<const std::byte> bytes);

  // Reads the container strictly, as docs/format.md says under "Container": a file that another reader could read
  // differently is refused. `path` is only for messages.
  [[nodiscard]] static Result<Archive> open(std::shared_ptr<const MappedFile> file, const std::string& path);

  // Record names do not include the root folder of the archive.
  [[nodiscard]] const std::map<std::string, Record, std::less<>>& records() const { return records_; }
  [[nodiscard]] std::optional<std::span<const std::byte>> find(std::string_view name) const;

 private:
  void read(std::span<const std::byte> bytes);

  std::shared_ptr<const MappedFile> file_;
  std::map<std::string, Record, std::less<>> records_;
};

}  // namespace edgekit
