#include "format/package.h"

#include "core/digest.h"
#include "format/sample_manifest.h"
#include "support.h"

namespace edgekit {
namespace {

using testing::make_zip;
using testing::sample_manifest;
using testing::TemporaryFolder;

using Records = std::vector<std::pair<std::string, std::string>>;

// A package like those of edgekit; `change` edits its records after the digests were computed.
template <typename Change>
Result<Package> open_changed(const TemporaryFolder& folder, Change&& change) {
  Records records{{"archive/data.pkl", "state"}, {"archive/bytecode.pkl", "code"}};
  auto manifest = sample_manifest();
  for (const auto& [name, content] : records) {
    manifest["records"][name.substr(8)] = sha256_hex(std::as_bytes(std::span(content)));
  }
  records.emplace_back("archive/extra/edgekit/manifest.json", manifest.dump());
  records.emplace_back("archive/.data/serialization_id", "1234");
  change(records);
  return open_package(folder.write("toy.ptl", make_zip(records)));
}

TEST(PackageTest, IntactPackagePassesItsDigests) {
  const TemporaryFolder folder;
  const auto package = open_changed(folder, [](Records&) {});
  ASSERT_TRUE(package.ok()) << package.status().message();
  EXPECT_EQ(package->kind, ModelKind::kLiteZip);
  EXPECT_EQ(package->manifest->name, "toy");
  EXPECT_TRUE(check_digests(*package).ok());
}

TEST(PackageTest, ChangedAddedAndMissingRecordsAreNamed) {
  const TemporaryFolder folder;
  const auto message = [&](auto&& change) {
    const auto package = open_changed(folder, change);
    EXPECT_TRUE(package.ok());
    const Status status = check_digests(*package);
    EXPECT_EQ(status.code(), Code::kBadPackage);
    return status.message();
  };
  EXPECT_NE(message([](Records& it) { it[0].second = "statf"; }).find("data.pkl has changed"), std::string::npos);
  EXPECT_NE(message([](Records& it) { it.emplace_back("archive/evil", "x"); }).find("evil is not in"),
            std::string::npos);
  EXPECT_NE(message([](Records& it) { it.erase(it.begin()); }).find("data.pkl is missing"), std::string::npos);
}

TEST(PackageTest, RefusesLabelsThatAreNotAsciiOrTooMany) {
  const TemporaryFolder folder;
  const auto labels = [&](const std::string& text) {
    return open_changed(folder, [&](Records& it) { it.emplace_back("archive/extra/edgekit/labels.txt", text); });
  };
  EXPECT_EQ(labels("cat\ndog\n")->labels.size(), 2u);
  EXPECT_NE(labels("caf\xe9\n").status().message().find("not ASCII"), std::string::npos);
  EXPECT_NE(labels(std::string((1 << 20) + 1, '\n')).status().message().find("more than 1048576 labels"),
            std::string::npos);
}

std::string golden_case(const std::string& indices, const std::string& values) {
  return R"({"schema_version": "2.0", "cases": [{"name": "c", "method": "forward", "inputs": [], "outputs": [)"
         R"({"name": "0", "dtype": "float32", "shape": [2], "indices": )" +
         indices + R"(, "values": )" + values + "}]}]}";
}

TEST(PackageTest, ChecksTheGoldenCases) {
  const TemporaryFolder folder;
  const auto golden = [&](const std::string& text) {
    return open_changed(folder, [&](Records& it) { it.emplace_back("archive/extra/edgekit/golden.json", text); });
  };
  EXPECT_EQ(golden(golden_case("[0]", "[1.5]"))->goldens.size(), 1u);
  const auto blind = golden(golden_case("[]", "[]")).status();
  EXPECT_EQ(blind.code(), Code::kBadPackage);
  EXPECT_NE(blind.message().find("case 'c' lists no element of output 0"), std::string::npos);
  EXPECT_NE(golden("{").status().message().find("toy.ptl: the golden cases"), std::string::npos);
}

TEST(PackageTest, ItsTextsOutliveTheFile) {
  const TemporaryFolder folder;
  auto package = open_changed(
      folder, [](Records& it) { it.emplace_back("archive/extra/edgekit/golden.json", golden_case("[0]", "[1.5]")); });
  ASSERT_TRUE(package.ok());
  package->close();
  std::filesystem::resize_file(folder.file("toy.ptl"), 0);  // reading the mapped file would end the process
  EXPECT_EQ(package->goldens.at(0).outputs.at(0).reals, std::vector<double>{1.5});
  EXPECT_TRUE(parse_manifest(package->manifest_text).ok());
}

TEST(PackageTest, NamesFilesThatAreNotModels) {
  const TemporaryFolder folder;
  const auto code = [&](const std::string& bytes) { return open_package(folder.write("x", bytes)).status(); };
  EXPECT_NE(code("").message().find("is empty"), std::string::npos);
  EXPECT_NE(code("hello world").message().find("is not a PyTorch model"), std::string::npos);
  EXPECT_NE(code(make_zip({{"a/data.pkl", "x"}})).message().find("state dict"), std::string::npos);
  EXPECT_NE(code(make_zip({{"a/notes.txt", "x"}})).message().find("zip file without a PyTorch model"),
            std::string::npos);
  EXPECT_EQ(open_package(folder.file("missing")).status().code(), Code::kBadPackage);
  EXPECT_EQ(open_package(folder.file("")).status().code(), Code::kBadPackage);
}

TEST(PackageTest, RefusesACompressedRecordBesideAManifest) {
  const TemporaryFolder folder;
  const Records records{{"a/bytecode.pkl", "x"}, {"a/extra/edgekit/manifest.json", sample_manifest().dump()}};
  const auto status = open_package(folder.write("x.ptl", make_zip(records, 8))).status();
  EXPECT_NE(status.message().find("is compressed"), std::string::npos);
}

TEST(PackageTest, TellsTheKindsApart) {
  const TemporaryFolder folder;
  const auto kind = [&](const std::string& bytes) { return open_package(folder.write("x", bytes))->kind; };
  EXPECT_EQ(kind(std::string("\0\0\0\0PTMF", 8)), ModelKind::kLiteFlatbuffer);
  EXPECT_EQ(kind(make_zip({{"a/code/__torch__.py", "x"}, {"a/data.pkl", "x"}})), ModelKind::kTorchScript);
  EXPECT_EQ(kind(make_zip({{"a/code/__torch__.py", "x"}, {"a/bytecode.pkl", "x"}})), ModelKind::kLiteZip);
}

TEST(PackageTest, PlainModelHasNoManifestAndNothingToCheck) {
  const TemporaryFolder folder;
  const auto package = open_package(folder.write("x.ptl", make_zip({{"a/bytecode.pkl", "x"}})));
  ASSERT_TRUE(package.ok());
  EXPECT_FALSE(package->manifest.has_value());
  EXPECT_TRUE(check_digests(*package).ok());
}

}  // namespace
}  // namespace edgekit
