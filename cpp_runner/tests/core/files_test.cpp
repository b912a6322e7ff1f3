#include "core/files.h"

#include <sys/stat.h>

#include "support.h"

namespace edgekit {
namespace {

using testing::read_text;
using testing::TemporaryFolder;

Status write(const std::string& path, const std::string& head, const std::string& body) {
  return write_file_atomically(path, std::as_bytes(std::span(head)), std::as_bytes(std::span(body)));
}

TEST(FilesTest, MapsWhatIsThere) {
  const TemporaryFolder folder;
  const auto file = MappedFile::open(folder.write("a", "hello"));
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(std::memcmp((*file)->bytes().data(), "hello", 5), 0);
}

TEST(FilesTest, EmptyFileHasNoBytes) {
  const TemporaryFolder folder;
  const auto file = MappedFile::open(folder.write("a", ""));
  ASSERT_TRUE(file.ok());
  EXPECT_TRUE((*file)->bytes().empty());
}

TEST(FilesTest, MissingFileAndFolderAreNamed) {
  const TemporaryFolder folder;
  const auto missing = MappedFile::open(folder.file("no"));
  EXPECT_EQ(missing.status().code(), Code::kUsage);
  EXPECT_NE(missing.status().message().find("no: No such file"), std::string::npos);
  const auto directory = MappedFile::open(folder.file(""));
  EXPECT_NE(directory.status().message().find("not a regular file"), std::string::npos);
}

TEST(FilesTest, ReadsAFileOrAPipeIntoMemory) {
  const TemporaryFolder folder;
  const auto bytes = read_file(folder.write("a", "hello"), 5);
  ASSERT_TRUE(bytes.ok());
  EXPECT_EQ(std::memcmp(bytes->data(), "hello", bytes->size()), 0);
  EXPECT_TRUE(read_file(folder.write("b", ""), 5)->empty());
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen("head -c 3000000 /dev/zero", "r"), &::pclose);
  const auto piped = read_file("/dev/fd/" + std::to_string(::fileno(pipe.get())), 3000000);
  ASSERT_TRUE(piped.ok());
  EXPECT_EQ(piped->size(), 3000000u);
}

TEST(FilesTest, RefusesToReadMoreThanTheLimit) {
  const TemporaryFolder folder;
  const auto status = read_file(folder.write("a", "hello"), 4).status();
  EXPECT_EQ(status.code(), Code::kUsage);
  EXPECT_NE(status.message().find("more than 4 bytes"), std::string::npos);
  EXPECT_NE(read_file(folder.file(""), 4).status().message().find("it is a folder"), std::string::npos);
  EXPECT_NE(read_file(folder.file("no"), 4).status().message().find("No such file"), std::string::npos);
}

TEST(FilesTest, RefusesNamedPipesAndDevicesAtOnce) {
  const TemporaryFolder folder;
  ASSERT_EQ(::mkfifo(folder.file("fifo").c_str(), 0600), 0);
  const auto status = read_file(folder.file("fifo"), 4).status();
  EXPECT_EQ(status.code(), Code::kUsage);
  EXPECT_NE(status.message().find("it is a named pipe"), std::string::npos);
  EXPECT_NE(read_file("/dev/zero", 1 << 22).status().message().find("it is a device"), std::string::npos);
}

TEST(FilesTest, WriteReplacesTheWholeFile) {
  const TemporaryFolder folder;
  const std::string path = folder.write("a", "something longer");
  ASSERT_TRUE(write(path, "he", "llo").ok());
  EXPECT_EQ(read_text(path), "hello");
  EXPECT_EQ(folder.count(), 1u);
}

TEST(FilesTest, FailedWriteLeavesNothingBehind) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder.file("taken"));
  EXPECT_EQ(write(folder.file("taken"), "x", "").code(), Code::kUsage);
  EXPECT_EQ(write(folder.file("no/such/folder"), "x", "").code(), Code::kUsage);
  EXPECT_EQ(folder.count(), 1u);
}

TEST(FilesTest, WriteReplacesTheFileBehindALinkAndNotTheLink) {
  const TemporaryFolder folder;
  const std::string path = folder.write("a", "old");
  std::filesystem::create_symlink(path, folder.file("link"));
  ASSERT_TRUE(write(folder.file("link"), "new", "").ok());
  EXPECT_TRUE(std::filesystem::is_symlink(folder.file("link")));
  EXPECT_EQ(read_text(path), "new");
}

TEST(FilesTest, WriteGoesIntoADeviceAndLeavesItThere) {
  const TemporaryFolder folder;
  std::filesystem::create_symlink("/dev/null", folder.file("null"));  // root could replace the device itself
  EXPECT_TRUE(write(folder.file("null"), "x", "y").ok());
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
  std::filesystem::create_symlink("/dev/full", folder.file("full"));
  EXPECT_EQ(write(folder.file("full"), "x", "y").code(), Code::kUsage);
}

}  // namespace
}  // namespace edgekit
