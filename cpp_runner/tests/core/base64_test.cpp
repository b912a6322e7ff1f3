#include "core/base64.h"

#include <gtest/gtest.h>

#include <string>

namespace edgekit {
namespace {

std::string decoded(std::string_view text) {
  const auto bytes = decode_base64(text);
  if (!bytes) return "refused";
  return {reinterpret_cast<const char*>(bytes->data()), bytes->size()};
}

// The examples of RFC 4648.
TEST(Base64Test, KnownTexts) {
  EXPECT_EQ(decoded(""), "");
  EXPECT_EQ(decoded("Zg=="), "f");
  EXPECT_EQ(decoded("Zm8="), "fo");
  EXPECT_EQ(decoded("Zm9v"), "foo");
  EXPECT_EQ(decoded("Zm9vYg=="), "foob");
  EXPECT_EQ(decoded("Zm9vYmE="), "fooba");
  EXPECT_EQ(decoded("Zm9vYmFy"), "foobar");
  EXPECT_EQ(decoded("+/+/"), "\xfb\xff\xbf");
}

TEST(Base64Test, RefusesEverythingElse) {
  for (const char* wrong : {"Z", "Zg", "Zg=", "Zm9", "Zm9v\n", "Zm9v\nZg==", "Z g==", "_-_-", "Zg==Zg==", "=",
                            "====", "Z===", "Zm=v", "Zm9v===="}) {
    EXPECT_EQ(decoded(wrong), "refused") << wrong;
  }
}

}  // namespace
}  // namespace edgekit
