#include "format/signature.h"

#include <map>

#include "core/base64.h"
#include "format/package.h"
#include "support.h"

namespace edgekit {
namespace {

using testing::TemporaryFolder;

std::string decoded(const std::string& text) {
  const auto bytes = decode_base64(text);
  return bytes ? std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size()) : "not base64";
}

TEST(SignatureTest, PackagesAgreeWithTheConformanceCases) {
  const TemporaryFolder folder;
  const auto document = testing::conformance("signatures.json");
  const auto key = parse_public_key(document.at("public_key").get<std::string>());
  ASSERT_TRUE(key.ok()) << key.status().message();
  ASSERT_GT(document.at("cases").size(), 0u);
  for (const auto& it : document.at("cases")) {
    const std::string path = folder.write("x.ptl", decoded(it.at("package").get<std::string>()));
    const Status status = check_signed_package(path, *key);
    EXPECT_EQ(status.ok(), it.at("accepted").get<bool>()) << it.at("name") << status.message();
    EXPECT_EQ(status.code(), status.ok() ? Code::kOk : Code::kBadPackage) << it.at("name");
    const std::map<std::string, std::string> messages{{"", ""},
                                                      {"unsigned", "is not signed"},
                                                      {"key", "is signed by the key"},
                                                      {"changed", "does not fit"},
                                                      {"length", "96"},
                                                      {"container", "occurs twice"},
                                                      {"digest", "record"}};
    EXPECT_NE(status.message().find(messages.at(it.at("reason"))), std::string::npos)
        << it.at("name") << status.message();
  }
}

TEST(SignatureTest, KeysAgreeWithTheConformanceCases) {
  const auto cases = testing::conformance("signatures.json").at("keys");
  ASSERT_GT(cases.size(), 0u);
  for (const auto& it : cases) {
    const auto key = parse_public_key(it.at("text").get<std::string>());
    EXPECT_EQ(key.ok(), it.at("accepted").get<bool>()) << it.at("name") << key.status().message();
    EXPECT_EQ(key.status().code(), key.ok() ? Code::kOk : Code::kUsage) << it.at("name");
  }
  EXPECT_FALSE(parse_public_key(std::string(1 << 17, '-')).ok());
}

TEST(SignatureTest, WithoutAKeyOnlyTheLengthAndTheChecksumCount) {
  const TemporaryFolder folder;
  const auto cases = testing::conformance("signatures.json").at("cases");
  for (const auto& it : cases) {
    const std::string reason = it.at("reason");
    if (reason == "container" || it.at("name") == "a manifest that is not JSON") continue;
    const auto package = open_package(folder.write("x.ptl", decoded(it.at("package").get<std::string>())));
    const bool good = package.ok() && check_digests(*package).ok();
    EXPECT_EQ(good, reason != "length" && reason != "digest") << it.at("name");
    if (good) {
      EXPECT_EQ(package->signed_by.size(), reason == "unsigned" ? 0u : 64u) << it.at("name");
    }
  }
}

TEST(SignatureTest, OtherFilesAreNotSigned) {
  const TemporaryFolder folder;
  const auto key = parse_public_key(testing::conformance("signatures.json").at("public_key").get<std::string>());
  const Status flatbuffer = check_signed_package(folder.write("x.ptl", "1234PTMF"), *key);
  EXPECT_NE(flatbuffer.message().find("is not signed"), std::string::npos) << flatbuffer.message();
}

}  // namespace
}  // namespace edgekit
