// Complete files: mapped for reading, replaced atomically when written.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/status.h"

namespace edgekit {

// A regular file mapped read-only, shared by its readers. If the file shrinks meanwhile, the process ends by SIGBUS.
// Only packages are mapped, because their weights are large and stay as they are.
class MappedFile {
 public:
  [[nodiscard]] static Result<std::shared_ptr<const MappedFile>> open(const std::string& path);
  // A file that the caller has in memory; valid as long as the bytes.
  [[nodiscard]] static std::shared_ptr<const MappedFile> borrow(std::span<const std::byte> bytes);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }

 private:
  MappedFile(std::span<const std::byte> bytes, bool mapped) : bytes_(bytes), mapped_(mapped) {}
  std::span<const std::byte> bytes_;
  bool mapped_;
};

// Reads a file, or standard input or another open descriptor (/dev/fd/3) to its end, into memory. The file may change
// meanwhile. Named pipes and devices are refused, because reading them may never end.
[[nodiscard]] Result<std::vector<std::byte>> read_file(const std::string& path, std::size_t most_bytes);

// Writes a temporary file in the same folder, syncs it and renames it; a failure leaves no file. A link keeps leading
// to the replaced file; a device or a pipe is written directly.
[[nodiscard]] Status write_file_atomically(const std::string& path, std::span<const std::byte> head,
                                           std::span<const std::byte> body);

}  // namespace edgekit
