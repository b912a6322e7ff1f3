#include "format/manifest.h"

#include <algorithm>
#include <ctime>
#include <limits>

#include "format/sample_manifest.h"
#include "support.h"

namespace edgekit {
namespace {

using testing::sample_manifest;

TEST(ManifestTest, ReadsWhatTheFormatPromises) {
  const auto manifest = parse_manifest(sample_manifest().dump());
  ASSERT_TRUE(manifest.ok()) << manifest.status().message();
  EXPECT_EQ(manifest->name, "toy");
  EXPECT_EQ(manifest->weights, "random");
  EXPECT_EQ(manifest->pool, Pool::kXnnpack);
  EXPECT_FALSE(manifest->threads.has_value());
  ASSERT_NE(manifest->find_method("forward"), nullptr);
  EXPECT_EQ(manifest->find_method("forward")->inputs[0].shape, (Shape{kFreeAxis, 3}));
  EXPECT_EQ(manifest->find_method("forward")->inputs[0].low, -2.0);
  EXPECT_EQ(manifest->find_method("backward"), nullptr);
}

TEST(ManifestTest, AgreesWithTheConformanceCases) {
  const auto cases = testing::conformance("manifests.json").at("cases");
  ASSERT_GT(cases.size(), 0u);
  for (const auto& it : cases) {
    const auto readers = it.value("readers", std::vector<std::string>{"cpp"});
    if (std::find(readers.begin(), readers.end(), "cpp") == readers.end()) continue;
    const auto manifest = parse_manifest(it.at("text").get_ref<const std::string&>());
    EXPECT_EQ(manifest.ok(), it.at("accepted").get<bool>()) << it.at("name") << ": " << manifest.status().message();
    if (!manifest.ok()) {
      EXPECT_EQ(manifest.status().code(), Code::kBadPackage) << it.at("name");
    }
  }
}

TEST(ManifestTest, IgnoresUnknownFields) {
  auto document = sample_manifest();
  document["news"] = {{"deep", {1, 2}}};
  EXPECT_TRUE(parse_manifest(document.dump()).ok());
}

TEST(ManifestTest, RefusesANewerMajorVersionAndReadsANewerMinor) {
  auto document = sample_manifest();
  document["schema_version"] = "3.0";
  const auto status = parse_manifest(document.dump()).status();
  EXPECT_EQ(status.code(), Code::kBadPackage);
  EXPECT_NE(status.message().find("3.0"), std::string::npos);
  for (const char* fine : {"0.9", "1.7", "1.123456", "2.7"}) {
    document["schema_version"] = fine;
    EXPECT_TRUE(parse_manifest(document.dump()).ok()) << fine;
  }
  document["schema_version"] = "one";
  EXPECT_FALSE(parse_manifest(document.dump()).ok());
}

TEST(ManifestTest, NamesWhatItDoesNotProve) {
  auto document = sample_manifest();
  EXPECT_TRUE(parse_manifest(document.dump())->unproven().empty());
  EXPECT_FALSE(parse_manifest(document.dump())->ranges_are_proved());
  document["methods"][0]["inputs"][0]["shape"] = {{{"min", 1}, {"max", 4}, {"symbol", "n"}}, 3};
  document["methods"][0]["outputs"][0]["proof"] = "unproven";
  const auto manifest = parse_manifest(document.dump());
  EXPECT_EQ(manifest->unproven(), std::vector<std::string>{"forward: 0"});
  EXPECT_TRUE(manifest->ranges_are_proved());
  EXPECT_EQ(manifest->methods[0].inputs[0].shape, (Shape{kFreeAxis, 3}));
  EXPECT_EQ(describe(manifest->methods[0]), "forward(x: float32 [n=1..4, 3]) -> 0: float32 [*, 2]");
}

TEST(ManifestTest, EveryTruncationIsAnError) {
  const std::string text = sample_manifest().dump();
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_EQ(parse_manifest(text.substr(0, size)).status().code(), Code::kBadPackage) << size;
  }
}

TEST(ManifestTest, EveryMissingFieldIsAnError) {
  for (const char* key : {"schema_version", "name", "provenance", "methods", "tolerance", "records"}) {
    auto document = sample_manifest();
    document.erase(key);
    EXPECT_EQ(parse_manifest(document.dump()).status().code(), Code::kBadPackage) << key;
  }
}

TEST(ManifestTest, RefusesOddDTypesShapesAndPools) {
  const auto refuses = [](const char* pointer, const nlohmann::json& value) {
    auto document = sample_manifest();
    document[nlohmann::json::json_pointer(pointer)] = value;
    return !parse_manifest(document.dump()).ok();
  };
  EXPECT_TRUE(refuses("/methods/0/inputs/0/dtype", "float16"));
  EXPECT_TRUE(refuses("/methods/0/inputs/0/shape/0", -1));
  EXPECT_TRUE(refuses("/methods/0/inputs/0/shape/0", "many"));
  EXPECT_TRUE(refuses("/methods/0/inputs/0/shape", {16385, 16384}));  // over 2^28 elements
  EXPECT_FALSE(refuses("/methods/0/inputs/0/shape", {16384, 16384}));
  EXPECT_TRUE(refuses("/runtime/pool", "swimming"));
  EXPECT_TRUE(refuses("/runtime/threads", 0));
}

TEST(ManifestTest, RefusesTwoInputsOrOutputsOfOneName) {
  for (const char* side : {"inputs", "outputs"}) {
    auto document = sample_manifest();
    auto& specs = document["methods"][0][side];
    specs.push_back(specs[0]);
    EXPECT_NE(parse_manifest(document.dump()).status().message().find("twice"), std::string::npos) << side;
  }
}

TEST(ManifestTest, RefusesTolerancesUnderWhichEverythingPassesOrNothing) {
  for (const char* wrong : {"-1", "1e999", "\"nan\""}) {
    std::string text = sample_manifest().dump();
    text.replace(text.find("1e-05"), 5, wrong);
    EXPECT_EQ(parse_manifest(text).status().code(), Code::kBadPackage) << wrong;
  }
}

TEST(ManifestTest, RefusesThreadsBeyondAnyMachine) {
  auto manifest = sample_manifest();
  for (const std::int64_t wrong : {std::int64_t{0}, std::int64_t{1025}, std::int64_t{4294967299}}) {
    manifest["runtime"]["threads"] = wrong;
    EXPECT_EQ(parse_manifest(manifest.dump()).status().code(), Code::kBadPackage) << wrong;
  }
  manifest["runtime"]["threads"] = 1024;
  EXPECT_TRUE(parse_manifest(manifest.dump()).ok());
}

TEST(ManifestTest, RefusesNestingThatWouldEndTheStack) {
  const std::string deep = std::string(200000, '[') + std::string(200000, ']');
  std::string text = sample_manifest().dump();
  text.insert(1, "\"unknown\": " + deep + ", ");
  EXPECT_EQ(parse_manifest(text).status().code(), Code::kBadPackage);
}

TEST(ManifestTest, RefusesVersionsThatAreNotMajorDotMinor) {
  auto manifest = sample_manifest();
  for (const char* wrong : {"1", "1.", ".1", "1.x", "one.0", " 1.0", "1.0.0", "1234567.0", "1.1234567", "-1.0", ""}) {
    manifest["schema_version"] = wrong;
    EXPECT_EQ(parse_manifest(manifest.dump()).status().code(), Code::kBadPackage) << wrong;
  }
}

// The least processor time of three parses of a manifest with so many objects and keys.
std::clock_t parse_time(int count) {
  auto document = testing::sample_manifest();
  document["objects"] = nlohmann::json::array();
  for (int i = 0; i < count; ++i) {
    document["objects"].push_back(nlohmann::json::object());
    document["keys"]["k" + std::to_string(i)] = 0;
  }
  const std::string text = document.dump();
  std::clock_t least = std::numeric_limits<std::clock_t>::max();
  for (int i = 0; i < 3; ++i) {
    const std::clock_t start = std::clock();
    EXPECT_TRUE(parse_manifest(text).ok());
    least = std::min(least, std::clock() - start);
  }
  return least;
}

TEST(ManifestTest, ManyObjectsAndKeysAreReadInLinearTime) {
  EXPECT_LT(parse_time(80000), 10 * parse_time(20000));  // quadratic time would be 16 times
}

TEST(ManifestTest, BracketsInTextsAreNotNesting) {
  auto document = testing::sample_manifest();
  document["text"] = std::string(1000, '[') + "\"\\" + std::string(1000, '{');
  EXPECT_TRUE(parse_manifest(document.dump()).ok());
}

}  // namespace
}  // namespace edgekit
