#include "image/decode.h"

#include "support.h"

namespace edgekit {
namespace {

using testing::conformance;
using testing::read_text;
using testing::TemporaryFolder;

std::string image_path(const std::string& name) {
  return EDGEKIT_CONFORMANCE_DIR "/images/" + name;
}

TEST(ImageTest, AgreesWithTheConformanceFiles) {
  const auto cases = conformance("images/index.json").at("cases");
  ASSERT_GT(cases.size(), 0u);
  for (const auto& it : cases) {
    SCOPED_TRACE(it.dump());
    const auto image = decode_image(image_path(it.at("file")));
    if (it.at("error").get<bool>()) {
      EXPECT_EQ(image.status().code(), Code::kUsage);
      continue;
    }
    ASSERT_TRUE(image.ok()) << image.status().message();
    const auto expected = decode_image(image_path(it.at("expected")));
    ASSERT_TRUE(expected.ok()) << expected.status().message();
    ASSERT_EQ(image->shape, expected->shape);
    EXPECT_EQ(std::memcmp(image->data.get(), expected->data.get(), expected->size_bytes), 0);
  }
}

// A truncated picture must be refused. Only the last bytes, those of the end marker, may be missing without effect.
TEST(ImageTest, TruncationsAreErrorsAndNeverGrey) {
  const TemporaryFolder folder;
  for (const char* name : {"jpeg_420.jpg", "jpeg_progressive.jpg", "png_exif6.png"}) {
    const std::string whole = read_text(image_path(name));
    for (std::size_t size = 0; size < whole.size() - 16; size += 7) {
      const auto image = decode_image(folder.write(name, whole.substr(0, size)));
      EXPECT_EQ(image.status().code(), Code::kUsage) << name << " cut to " << size;
    }
  }
}

TEST(ImageTest, AWrongChecksumIsAnErrorInAnyChunk) {
  const TemporaryFolder folder;
  std::string png = read_text(image_path("png_exif6.png"));
  const std::size_t chunk = png.find("eXIf");
  ASSERT_NE(chunk, std::string::npos);
  png[chunk + 4] ^= 1;  // its first byte of data; by default libpng accepts such a chunk
  EXPECT_EQ(decode_image(folder.write("x.png", png)).status().code(), Code::kUsage);
}

TEST(ImageTest, MessageNamesTheFileAndTheReason) {
  const TemporaryFolder folder;
  const auto status = decode_image(folder.write("notes.jpg", "hello")).status();
  EXPECT_NE(status.message().find("notes.jpg is not a JPEG or PNG"), std::string::npos);
}

TEST(ImageTest, PixelLimitHoldsForEitherFactor) {
  EXPECT_TRUE(check_pixel_count(1 << 14, 1 << 13).ok());
  EXPECT_FALSE(check_pixel_count((1 << 14) + 1, 1 << 13).ok());
  EXPECT_FALSE(check_pixel_count(20000, 20000).ok());
  EXPECT_FALSE(check_pixel_count(1ull << 33, 1ull << 33).ok());
  EXPECT_FALSE(check_pixel_count(0, 5).ok());
}

TEST(ExifTest, DamagedBlocksMeanUpright) {
  const std::string whole("MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0", 22);
  EXPECT_EQ(exif_orientation(std::as_bytes(std::span(whole))), 6);
  for (std::size_t size = 0; size < 20; ++size) {
    EXPECT_EQ(exif_orientation(std::as_bytes(std::span(whole)).first(size)), 1) << size;
  }
}

}  // namespace
}  // namespace edgekit
