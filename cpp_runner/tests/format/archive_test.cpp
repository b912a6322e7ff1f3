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

// Bytes of a file with two records, and what breaks when some of them change.
struct Change {
  const char* what;
  std::string (*edit)(std::string);
  const char* message;
};

constexpr std::size_t kFirstLocal = 0;
std::size_t first_central(const std::string& bytes) {
  return bytes.find("PK\1\2");
}
std::string with_byte(std::string bytes, std::size_t at, char value) {
  bytes.at(at) = value;
  return bytes;
}

TEST(ArchiveTest, RefusesWhatAnotherReaderCouldReadDifferently) {
  const TemporaryFolder folder;
  const std::string whole = make_zip({{"a/x", "123"}, {"a/y", "456"}});
  ASSERT_TRUE(open_bytes(folder, whole).ok());
  const Change changes[] = {
      {"trailing bytes", [](std::string b) { return b + "junk"; }, "other bytes after it"},
      {"comment", [](std::string b) { return with_byte(b, b.size() - 2, 3) + "abc"; }, "a comment"},
      {"prefix", [](std::string b) { return "junk" + b; }, "is not where the end record says"},
      {"bytes before the end record", [](std::string b) { return b.insert(b.size() - 22, "junk"); }, "is not where"},
      {"fewer records", [](std::string b) { return with_byte(with_byte(b, b.size() - 12, 1), b.size() - 14, 1); },
       "has more records"},
      {"attribute of a folder", [](std::string b) { return with_byte(b, first_central(b) + 38, 0x10); },
       "attributes of a folder"},
      {"mode of a folder", [](std::string b) { return with_byte(b, first_central(b) + 41, 0x41); },
       "attributes of a folder"},
      {"encrypted", [](std::string b) { return with_byte(with_byte(b, kFirstLocal + 6, 1), first_central(b) + 8, 1); },
       "is encrypted"},
      {"other local name", [](std::string b) { return with_byte(b, kFirstLocal + 32, 'z'); }, "contradicts"},
      {"other local size", [](std::string b) { return with_byte(b, kFirstLocal + 22, 1); }, "contradicts"},
      {"other local checksum", [](std::string b) { return with_byte(b, kFirstLocal + 14, 1); }, "contradicts"},
      {"other local method", [](std::string b) { return with_byte(b, kFirstLocal + 8, 8); }, "contradicts"},
      {"no local header", [](std::string b) { return with_byte(b, kFirstLocal, 'x'); }, "no local header"},
      {"overlap", [](std::string b) { return with_byte(b, b.rfind("PK\1\2") + 42, 0); }, "does not start where"},
  };
  for (const auto& [what, edit, message] : changes) {
    const auto status = open_bytes(folder, edit(whole)).status();
    EXPECT_EQ(status.code(), Code::kBadPackage) << what;
    EXPECT_NE(status.message().find(message), std::string::npos) << what << ": " << status.message();
  }
}

TEST(ArchiveTest, RefusesNamesThatLeadElsewhere) {
  const TemporaryFolder folder;
  for (const std::string name :
       {"b/x", "x", "a/../x", "a/folder/", "a//x", "a/./x", "a/x\\y", "a/\x1b[31m", "a/\xc3\xa9", "a/X"}) {
    EXPECT_EQ(open_bytes(folder, make_zip({{"a/x", "1"}, {name, "2"}})).status().code(), Code::kBadPackage) << name;
  }
}

}  // namespace
}  // namespace edgekit
