#include "format/labels.h"

#include "support.h"

namespace edgekit {
namespace {

TEST(LabelsTest, AgreeWithTheConformanceCases) {
  const auto cases = testing::conformance("labels.json").at("cases");
  ASSERT_GT(cases.size(), 0u);
  for (const auto& it : cases) {
    const auto labels = parse_labels(it.at("text").get_ref<const std::string&>());
    EXPECT_EQ(labels, it.at("labels").get<std::vector<std::string>>()) << it.at("name");
  }
}

TEST(LabelsTest, HalfAPairIsTheReplacementCharacter) {
  EXPECT_EQ(parse_labels("\\ud800x\n"), std::vector<std::string>{"\xef\xbf\xbdx"});
}

TEST(LabelsTest, OneALineWithEscapes) {
  const auto labels = parse_labels("cat\ncaf\\u00e9\n\\u65e5\\ud83d\\ude00\n");
  ASSERT_EQ(labels.size(), 3u);
  EXPECT_EQ(labels[0], "cat");
  EXPECT_EQ(labels[1], "caf\xc3\xa9");
  EXPECT_EQ(labels[2], "\xe6\x97\xa5\xf0\x9f\x98\x80");
}

TEST(LabelsTest, OtherBackslashesStay) {
  EXPECT_EQ(parse_labels("a\\b \\u12")[0], "a\\b \\u12");
  EXPECT_TRUE(parse_labels("").empty());
}

}  // namespace
}  // namespace edgekit
