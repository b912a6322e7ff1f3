// Boxes drawn on pictures: the conformance cases, which Python draws too.
#include "image/boxes.h"

#include <gtest/gtest.h>

#include <limits>

#include "format/golden.h"
#include "image/decode.h"
#include "support.h"

namespace edgekit {
namespace {

using testing::conformance;
using testing::TemporaryFolder;

std::vector<FoundBox> read_boxes(const nlohmann::json& nodes) {
  std::vector<FoundBox> boxes;
  for (const auto& node : nodes) {
    const auto& edges = node.at("box");
    boxes.push_back({node.at("index"), node.at("label"), node.at("score"), edges[0], edges[1], edges[2], edges[3]});
  }
  return boxes;
}

Tensor read_picture(const nlohmann::json& node) {
  GoldenInput input;
  input.dtype = DType::kUint8;
  input.shape = node.at("shape").get<Shape>();
  input.seed = node.at("seed").get<std::uint32_t>();
  input.high = 255.0;
  return *make_input(input);
}

TEST(BoxesTest, ConformanceCasesAreDrawn) {
  const auto cases = conformance("boxes.json").at("cases");
  ASSERT_GE(cases.size(), 10u);
  for (const auto& node : cases) {
    SCOPED_TRACE(node.at("name").get<std::string>());
    const Tensor picture = read_picture(node.at("picture"));
    const auto pixels = draw_boxes(picture.view(), read_boxes(node.at("boxes")));
    EXPECT_EQ(sha256_hex(std::as_bytes(std::span(pixels))), node.at("sha256"));
  }
}

TEST(BoxesTest, BoxesThatAreNotNumbersAreDrawnInThePicture) {
  const Shape shape{20, 20, 3};
  const std::vector<std::uint8_t> bytes(1200);
  const TensorView picture{DType::kUint8, shape, std::as_bytes(std::span(bytes))};
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN(), kInfinity = std::numeric_limits<float>::infinity();
  const std::vector<FoundBox> boxes{{1, "a", kNan, kNan, kNan, kNan, kNan},
                                    {2, "b", kInfinity, -kInfinity, kInfinity, kInfinity, -kInfinity}};
  EXPECT_EQ(draw_boxes(picture, boxes).size(), bytes.size());
}

TEST(BoxesTest, FileHasThePixels) {
  const auto node = conformance("boxes.json").at("cases")[1];
  const Tensor picture = read_picture(node.at("picture"));
  const auto boxes = read_boxes(node.at("boxes"));
  const TemporaryFolder folder;
  ASSERT_TRUE(write_boxes_png(folder.file("x.png"), picture.view(), boxes).ok());
  const auto decoded = decode_image(folder.file("x.png"));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(sha256_hex(decoded->view().bytes), node.at("sha256"));
}

}  // namespace
}  // namespace edgekit
