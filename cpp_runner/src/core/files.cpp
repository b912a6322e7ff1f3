#include "core/files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace edgekit {
namespace {

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

std::string system_text(const std::string& what, const std::string& path) {
  return what + " " + path + ": " + std::strerror(errno);
}

bool write_all(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

Status write_in_place(const std::string& path, std::span<const std::byte> head, std::span<const std::byte> body) {
  const FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (file.get() >= 0 && write_all(file.get(), head) && write_all(file.get(), body)) return {};
  return usage_error(system_text("cannot write", path));
}

// Gives the file the mode of any new file, unlike mkstemp.
int open_temporary(const std::string& target, std::string* name) {
  static std::atomic<unsigned> counter = 0;
  constexpr int kTries = 100;  // a killed process may have left files with these names
  int fd = -1;
  for (int i = 0; i < kTries; ++i) {
    *name = target + "." + std::to_string(::getpid()) + "-" + std::to_string(counter++);
    fd = ::open(name->c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0 || errno != EEXIST) break;
  }
  return fd;
}

// The target of a link, so that the file is replaced and not the link.
std::string behind_links(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
  return real ? real.get() : path;
}

// A path of what this process has open already, such as standard input or what a shell writes for <(command).
bool is_descriptor(const std::string& path) {
  return path == "/dev/stdin" || path.starts_with("/dev/fd/") || path.starts_with("/proc/self/fd/");
}

// Whether a read ends: a named pipe waits for a writer, and some devices never end.
Status check_readable(const std::string& path, mode_t mode) {
  if (S_ISDIR(mode)) return usage_error("cannot read " + path + ": it is a folder");
  if (S_ISREG(mode) || is_descriptor(path)) return {};
  return usage_error("cannot read " + path + ": it is a " + (S_ISFIFO(mode) ? "named pipe" : "device or socket") +
                     "; pass a file, or standard input");
}

}  // namespace

Result<std::shared_ptr<const MappedFile>> MappedFile::open(const std::string& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return usage_error(system_text("cannot read", path));
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return usage_error(system_text("cannot read", path));
  if (!S_ISREG(info.st_mode)) return usage_error("cannot read " + path + ": it is not a regular file");
  const auto size = static_cast<std::size_t>(info.st_size);
  if (size == 0) return std::shared_ptr<const MappedFile>(new MappedFile({}, false));
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (address == MAP_FAILED) return runtime_error(system_text("cannot map", path));
  return std::shared_ptr<const MappedFile>(new MappedFile({static_cast<const std::byte*>(address), size}, true));
}

std::shared_ptr<const MappedFile> MappedFile::borrow(std::span<const std::byte> bytes) {
  return std::shared_ptr<const MappedFile>(new MappedFile(bytes, false));
}

MappedFile::~MappedFile() {
  // munmap takes a non-const address although it changes no byte.
  if (mapped_) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

Result<std::vector<std::byte>> read_file(const std::string& path, std::size_t most_bytes) {
  constexpr std::size_t kPiece = std::size_t{1} << 20;
  const int wait = is_descriptor(path) ? 0 : O_NONBLOCK;  // for the writer of a pipe, already in open
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | wait));
  if (file.get() < 0) return usage_error(system_text("cannot read", path));
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return usage_error(system_text("cannot read", path));
  EK_RETURN_IF_ERROR(check_readable(path, info.st_mode));
  // One byte more than the file has, so that the read after its last byte finds the end.
  const auto known = S_ISREG(info.st_mode) ? static_cast<std::size_t>(info.st_size) : 0;
  std::vector<std::byte> bytes(std::min(known, most_bytes) + 1);
  std::size_t size = 0;
  while (true) {
    const ssize_t got = ::read(file.get(), bytes.data() + size, bytes.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return usage_error(system_text("cannot read", path));
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
    if (size > most_bytes) {
      return usage_error("cannot read " + path + ": it has more than " + std::to_string(most_bytes) +
                         " bytes; make it smaller");
    }
    if (size == bytes.size()) bytes.resize(size + std::max(kPiece, size));
  }
  bytes.resize(size);
  return bytes;
}

Status write_file_atomically(const std::string& path, std::span<const std::byte> head,
                             std::span<const std::byte> body) {
  struct stat info {};
  const bool exists = ::stat(path.c_str(), &info) == 0;
  if (exists && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)) return write_in_place(path, head, body);
  const std::string target = behind_links(path);
  std::string temporary;
  const FileDescriptor file(open_temporary(target, &temporary));
  if (file.get() < 0) return usage_error(system_text("cannot write", path));
  const bool written = write_all(file.get(), head) && write_all(file.get(), body) && ::fsync(file.get()) == 0;
  if (written && ::rename(temporary.c_str(), target.c_str()) == 0) return {};
  Status failure = usage_error(system_text("cannot write", path));
  ::unlink(temporary.c_str());
  return failure;
}

}  // namespace edgekit
