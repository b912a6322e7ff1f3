#include "format/archive.h"

#include "support.h"

namespace edgekit {
namespace {

using testing::make_zip;
using testing::TemporaryFolder;

Result<Archive> open_bytes(const TemporaryFolder& folder, const std::string& bytes) {
  auto file = MappedFile::open(folder.write("x.ptl", bytes));
  EXPECT_TRUE(file.ok());
  return Archive::open(*file, "x.ptl");
}

std::string content_of(const Archive& archive, const std::string& name) {
  const auto bytes = archive.find(name);
  return bytes ? std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size()) : "(none)";
}

TEST(ArchiveTest, ReadsRecordsWithoutTheRootFolder) {
  const TemporaryFolder folder;
  const auto archive = open_bytes(folder, make_zip({{"archive/data.pkl", "abc"}, {"archive/extra/b", ""}}));
  ASSERT_TRUE(archive.ok());
  EXPECT_EQ(archive->records().size(), 2u);
  EXPECT_EQ(content_of(*archive, "data.pkl"), "abc");
  EXPECT_EQ(content_of(*archive, "extra/b"), "");
  EXPECT_EQ(content_of(*archive, "other"), "(none)");
}

TEST(ArchiveTest, EveryTruncationIsAnError) {
  const TemporaryFolder folder;
  const std::string whole = make_zip({{"archive/data.pkl", "abc"}, {"archive/version", "3"}});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(open_bytes(folder, whole.substr(0, size)).status().code(), Code::kBadPackage) << size;
  }
}

TEST(ArchiveTest, NoByteThatChangesCrashesTheReader) {
  const TemporaryFolder folder;
  const std::string whole = make_zip({{"archive/data.pkl", "abc"}});
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = '\xff';
    const auto archive = open_bytes(folder, damaged);
    EXPECT_TRUE(archive.ok() || archive.status().code() == Code::kBadPackage);
  }
}

TEST(ArchiveTest, KnowsCompressedRecords) {
  const TemporaryFolder folder;
  EXPECT_TRUE(open_bytes(folder, make_zip({{"a/x", "abc"}}, 8))->records().at("x").compressed);
  EXPECT_FALSE(open_bytes(folder, make_zip({{"a/x", "abc"}}))->records().at("x").compressed);
}

TEST(ArchiveTest, RefusesRepeatedRecords) {
  const TemporaryFolder folder;
  EXPECT_NE(open_bytes(folder, make_zip({{"a/x", "1"}, {"a/x", "2"}})).status().message().find("twice"),
            std::string::npos);
}

}  // namespace
}  // namespace edgekit
