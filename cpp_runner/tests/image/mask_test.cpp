// Masks as PNG files, which the decoder of pictures reads back in their colours.
#include "image/mask.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <vector>

#include "image/decode.h"
#include "support.h"

namespace edgekit {
namespace {

using testing::TemporaryFolder;

struct Made {
  Shape shape;
  std::vector<std::uint8_t> bytes;
  [[nodiscard]] TensorView view() const { return {DType::kUint8, shape, std::as_bytes(std::span(bytes))}; }
};

std::vector<int> read_back(const std::string& path) {
  const auto picture = decode_image(path);
  EXPECT_TRUE(picture.ok()) << picture.status().message();
  std::vector<int> values;
  for (const std::byte it : picture->view().bytes) values.push_back(std::to_integer<int>(it));
  return values;
}

TEST(MaskTest, MaskHasTheColoursOfItsClasses) {
  const Made mask{{2, 2}, {0, 1, 20, 255}};
  const TemporaryFolder folder;
  const std::string path = folder.file("mask.png");
  ASSERT_TRUE(write_mask_png(path, mask.view()).ok());
  EXPECT_EQ(read_back(path), (std::vector<int>{0, 0, 0, 128, 0, 0, 0, 64, 128, 224, 224, 192}));
}

TEST(MaskTest, OverlayMixesHalfAndHalfAndLeavesClassZero) {
  const Made mask{{1, 2}, {0, 1}};
  const Made picture{{1, 2, 3}, {101, 102, 103, 101, 102, 103}};
  const TemporaryFolder folder;
  const std::string path = folder.file("overlay.png");
  ASSERT_TRUE(write_overlay_png(path, picture.view(), mask.view()).ok());
  EXPECT_EQ(read_back(path), (std::vector<int>{101, 102, 103, 114, 51, 51}));
}

TEST(MaskTest, AgreesWithTheConformanceCases) {
  const auto cases = testing::conformance("masks.json").at("cases");
  ASSERT_GT(cases.size(), 0u);
  const TemporaryFolder folder;
  const std::string path = folder.file("case.png");
  for (const auto& it : cases) {
    const auto shape = it.at("shape").get<std::vector<std::int64_t>>();
    const Made mask{{shape[0], shape[1]}, it.at("mask").get<std::vector<std::uint8_t>>()};
    const Made picture{{shape[0], shape[1], 3}, it.at("picture").get<std::vector<std::uint8_t>>()};
    ASSERT_TRUE(write_mask_png(path, mask.view()).ok()) << it.at("name");
    EXPECT_EQ(read_back(path), it.at("colours").get<std::vector<int>>()) << it.at("name");
    ASSERT_TRUE(write_overlay_png(path, picture.view(), mask.view()).ok()) << it.at("name");
    EXPECT_EQ(read_back(path), it.at("overlay").get<std::vector<int>>()) << it.at("name");
  }
}

TEST(MaskTest, TensorsThatDoNotFitAreRefused) {
  const Made mask{{1, 2}, {0, 1}};
  const Made picture{{2, 1, 3}, {1, 2, 3, 4, 5, 6}};
  const TemporaryFolder folder;
  EXPECT_FALSE(write_overlay_png(folder.file("no.png"), picture.view(), mask.view()).ok());
  EXPECT_FALSE(write_mask_png(folder.file("no.png"), picture.view()).ok());
  EXPECT_FALSE(std::filesystem::exists(folder.file("no.png")));
}

}  // namespace
}  // namespace edgekit
