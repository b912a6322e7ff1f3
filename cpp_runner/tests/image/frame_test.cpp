#include "image/frame.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "core/base64.h"
#include "image/decode.h"
#include "support.h"

namespace edgekit {
namespace {

using nlohmann::json;

std::vector<std::byte> bytes_of(const json& text) {
  const auto decoded = decode_base64(text.get<std::string>());
  EXPECT_TRUE(decoded);
  return decoded.value_or(std::vector<std::byte>());
}

struct OwnedFrame {
  Frame frame;
  std::array<std::vector<std::byte>, 3> planes;
};

OwnedFrame frame_of(const json& entry) {
  static const std::map<std::string, Pixels> kNames{
      {"rgb", Pixels::kRgb},   {"bgr", Pixels::kBgr},   {"rgba", Pixels::kRgba},
      {"bgra", Pixels::kBgra}, {"grey", Pixels::kGrey}, {"nv12", Pixels::kNv12},
      {"nv21", Pixels::kNv21}, {"i420", Pixels::kI420}, {"yuv420", Pixels::kYuv420}};
  OwnedFrame made;
  Frame& frame = made.frame;
  frame.pixels = kNames.at(entry.at("pixels"));
  frame.width = entry.at("width");
  frame.height = entry.at("height");
  frame.rotation = entry.at("rotation");
  frame.mirror = entry.at("mirror");
  if (const json& crop = entry.at("crop"); !crop.is_null()) frame.crop = {crop[0], crop[1], crop[2], crop[3]};
  for (std::size_t i = 0; i < entry.at("planes").size(); ++i) {
    const json& plane = entry["planes"][i];
    made.planes[i] = bytes_of(plane.at("data"));
    frame.planes[i] = {made.planes[i], plane.at("row_stride"), plane.at("pixel_stride")};
  }
  return made;
}

TEST(FrameTest, ConformanceFramesGiveTheirPictures) {
  const json document = testing::conformance("frames.json");
  const json& cases = document.at("cases");
  ASSERT_GT(cases.size(), 30u);
  for (const json& entry : cases) {
    const OwnedFrame given = frame_of(entry);
    const auto picture = picture_of(given.frame);
    ASSERT_TRUE(picture.ok()) << picture.status().message();
    EXPECT_EQ(picture->shape, entry.at("expected").at("shape").get<Shape>()) << entry;
    const auto expected = bytes_of(entry["expected"]["rgb"]);
    const auto actual = picture->view().bytes;
    EXPECT_TRUE(std::equal(actual.begin(), actual.end(), expected.begin(), expected.end())) << entry;
  }
}

// The formula in floating point, against every combination of a grid over Y, U and V.
TEST(FrameTest, ColoursAreThoseOfBt601) {
  for (int y = 0; y < 256; y += 5) {
    for (int u = 0; u < 256; u += 5) {
      for (int v = 0; v < 256; v += 5) {
        const std::array<std::byte, 3> bytes{std::byte(y), std::byte(u), std::byte(v)};
        Frame frame;
        frame.pixels = Pixels::kI420;
        frame.width = frame.height = 1;
        for (std::size_t i = 0; i < 3; ++i) frame.planes[i].bytes = {&bytes[i], 1};
        const auto picture = picture_of(frame);
        ASSERT_TRUE(picture.ok());
        const double exact[3]{y + 1.402 * (v - 128), y - 0.344136 * (u - 128) - 0.714136 * (v - 128),
                              y + 1.772 * (u - 128)};
        for (std::size_t i = 0; i < 3; ++i) {
          const double expected = std::clamp(exact[i], 0.0, 255.0);
          ASSERT_LT(std::abs(static_cast<double>(picture->view().bytes[i]) - expected), 0.51) << y << u << v;
        }
      }
    }
  }
}

Frame grey_frame(std::span<const std::byte> bytes) {
  Frame frame;
  frame.pixels = Pixels::kGrey;
  frame.width = 4;
  frame.height = 2;
  frame.planes[0].bytes = bytes;
  return frame;
}

TEST(FrameTest, WrongFramesAreNamed) {
  const std::vector<std::byte> bytes(8, std::byte(7));
  const auto message = [&](const std::function<void(Frame&)>& change) {
    Frame frame = grey_frame(bytes);
    change(frame);
    const auto picture = picture_of(frame);
    EXPECT_EQ(picture.status().code(), Code::kUsage);
    return picture.status().message();
  };
  const auto has = [](const std::string& text, const char* part) { return text.find(part) != std::string::npos; };
  ASSERT_TRUE(picture_of(grey_frame(bytes)).ok());
  EXPECT_TRUE(has(message([](Frame& f) { f.height = 3; }), "plane 0 of the frame has 8 bytes; expected at least 12"));
  EXPECT_TRUE(has(message([](Frame& f) { f.planes[0].row_stride = 5; }), "expected at least 9"));
  EXPECT_TRUE(has(message([](Frame& f) { f.planes[0].row_stride = 3; }), "has strides of 3 bytes for rows"));
  EXPECT_TRUE(has(message([](Frame& f) { f.planes[0].row_stride = SIZE_MAX; }), "strides"));
  EXPECT_TRUE(has(message([](Frame& f) { f.planes[0].pixel_stride = SIZE_MAX; }), "strides"));
  EXPECT_TRUE(has(message([](Frame& f) { f.planes[0].bytes = {}; }), "has 0 bytes"));
  EXPECT_TRUE(has(message([](Frame& f) { f.pixels = Pixels::kRgb; }), "expected at least 24"));
  EXPECT_TRUE(has(message([](Frame& f) { f.pixels = Pixels::kNv21; }), "plane 1"));
  EXPECT_TRUE(has(message([](Frame& f) { f.width = 0; }), "0x2 pixels"));
  EXPECT_TRUE(has(message([](Frame& f) { f.width = -4; }), "-4x2 pixels"));
  EXPECT_TRUE(has(message([](Frame& f) { f.width = f.height = INT32_MAX; }), "more than the limit"));
  EXPECT_TRUE(has(message([](Frame& f) { f.rotation = 45; }), "the rotation of the frame is 45"));
  EXPECT_TRUE(has(message([](Frame& f) { f.rotation = -90; }), "expected 0, 90, 180 or 270"));
  EXPECT_TRUE(has(message([](Frame& f) { f.crop = {1, 0, 4, 2}; }), "the crop of the frame is 4x2 at 1,0"));
  EXPECT_TRUE(has(message([](Frame& f) { f.crop = {0, 0, 4, 0}; }), "the crop"));
  EXPECT_TRUE(has(message([](Frame& f) { f.crop = {INT64_MAX, 0, 4, 2}; }), "the crop"));
}

}  // namespace
}  // namespace edgekit
