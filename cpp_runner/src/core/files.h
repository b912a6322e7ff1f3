// Whole files: mapped for reading, replaced atomically when written.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "core/status.h"

namespace edgekit {

// A regular file mapped read-only. Shared by whoever reads from it; a file that shrinks meanwhile ends the process.
class MappedFile {
 public:
  [[nodiscard]] static Result<std::shared_ptr<const MappedFile>> open(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }

 private:
  explicit MappedFile(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::span<const std::byte> bytes_;
};

// Writes a temporary file in the same folder, syncs it, and renames it; on failure nothing is left behind. The file
// that a link leads to is replaced; a device or a pipe is written to.
[[nodiscard]] Status write_file_atomically(const std::string& path, std::span<const std::byte> head,
                                           std::span<const std::byte> body);

}  // namespace edgekit
