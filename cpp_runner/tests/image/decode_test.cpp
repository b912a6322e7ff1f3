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
    const PictureUse use{it.value("resize", std::uint64_t{0}), it.value("task", "labels") == "mask"};
    const auto image = decode_image(image_path(it.at("file")), use);
    if (it.at("error").get<bool>()) {
      EXPECT_EQ(image.status().code(), Code::kUsage);
      continue;
    }
    ASSERT_TRUE(image.ok()) << image.status().message();
    const auto expected = decode_image(image_path(it.at("expected")));
    ASSERT_TRUE(expected.ok()) << expected.status().message();
    ASSERT_EQ(image->shape, expected->shape);
    ASSERT_EQ(image->size_bytes, expected->size_bytes);
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
  const auto message = [&](const std::string& name, const std::string& content) {
    return decode_image(folder.write(name, content)).status().message();
  };
  EXPECT_NE(message("notes.jpg", "hello").find("notes.jpg is not a JPEG or PNG"), std::string::npos);
  EXPECT_NE(message("none.jpg", "").find("none.jpg is empty"), std::string::npos);
  EXPECT_NE(
      message("a.jpg", std::string("RIFF\x10\0\0\0WEBPVP8 ", 16)).find("is WebP, which is not supported; convert"),
      std::string::npos);
}

TEST(ImageTest, UnsupportedPicturesAreNotCalledDamaged) {
  for (const char* name : {"jpeg_lossless.jpg", "jpeg_arithmetic.jpg", "jpeg_12_bits.jpg", "jpeg_102_scans.jpg",
                           "png_unknown_critical.png"}) {
    const auto message = decode_image(image_path(name)).status().message();
    EXPECT_NE(message.find("not supported"), std::string::npos) << message;
    EXPECT_EQ(message.find("damaged"), std::string::npos) << message;
  }
}

TEST(ImageTest, SideBeyondTheLimitOfLibjpegIsNamed) {
  const auto message = decode_image(image_path("jpeg_long.jpg")).status().message();
  EXPECT_NE(message.find("is a JPEG of 66 x 65501 pixels, whose sides may have at most 65500"), std::string::npos)
      << message;
}

TEST(ImageTest, KindIsThatOfTheFirstBytes) {
  const auto kind = [](const std::string& start) { return picture_kind(std::as_bytes(std::span(start))); };
  EXPECT_EQ(kind(std::string("\0\0\0\x18"
                             "ftypheic\0\0\0\0mif1heic",
                             24)),
            "HEIC");
  EXPECT_EQ(kind(std::string("\0\0\0\x18"
                             "ftypmif1\0\0\0\0mif1avif",
                             24)),
            "AVIF");
  EXPECT_EQ(kind(std::string("\0\0\0\x18"
                             "ftypisom\0\0\0\0mp41mp42",
                             24)),
            "");
  EXPECT_EQ(kind(std::string("\xff\xff\xff\xff"
                             "ftypisom\0\0\0\0heic",
                             20)),
            "HEIC");
  EXPECT_EQ(kind(std::string("\0\0\0\0ftypheic", 12)), "");
  EXPECT_EQ(kind("GIF89a"), "GIF");
  EXPECT_EQ(kind(std::string("II*\0", 4)), "TIFF");
  EXPECT_EQ(kind("\xff\xd8"), "JPEG");
  EXPECT_EQ(kind("hello"), "");
  EXPECT_EQ(kind(""), "");
}

TEST(ImageTest, PixelLimitHoldsForEitherFactor) {
  EXPECT_TRUE(check_pixel_count(1 << 14, 1 << 13, 0).ok());
  EXPECT_FALSE(check_pixel_count((1 << 14) + 1, 1 << 13, 0).ok());
  EXPECT_FALSE(check_pixel_count(20000, 20000, 0).ok());
  EXPECT_FALSE(check_pixel_count(1ull << 33, 1ull << 33, 0).ok());
  EXPECT_FALSE(check_pixel_count(0, 5, 0).ok());
}

TEST(ImageTest, ResizedPictureHasALimitOfItsOwn) {
  EXPECT_TRUE(check_pixel_count(1, 256, 256).ok());
  EXPECT_TRUE(check_pixel_count(4096, 4096, 4096).ok());
  const auto status = check_pixel_count(1, 1000, 256);
  EXPECT_EQ(status.message(),
            "is 1 x 1000 pixels, which predict resizes to 256 x 256000, more than the limit of 16777216 there; "
            "crop it to a less narrow picture");
  EXPECT_FALSE(check_pixel_count(257, 1, 256).ok());
  EXPECT_FALSE(check_pixel_count(1, 1, 4097).ok());
  EXPECT_FALSE(check_pixel_count(1 << 27, 1, ~std::uint64_t{0}).ok());
}

TEST(ImageTest, ScaleKeepsTheShorterSideAtLeastTwiceTheResize) {
  EXPECT_EQ(jpeg_scale(4000, 3000, {256}), 4u);
  EXPECT_EQ(jpeg_scale(3000, 4000, {256}), 4u);
  EXPECT_EQ(jpeg_scale(16320, 12240, {256}), 8u);
  EXPECT_EQ(jpeg_scale(65500, 1022, {256}), 1u);
  EXPECT_EQ(jpeg_scale(65500, 1023, {256}), 2u);  // its half is 512, because sides are rounded up
  EXPECT_EQ(jpeg_scale(4000, 3000, {256, true}), 1u);
  EXPECT_EQ(jpeg_scale(4000, 3000, {}), 1u);
  EXPECT_EQ(jpeg_scale(4000, 3000, {~std::uint64_t{0}}), 1u);
}

TEST(ImageTest, StoredPixelsHaveALargerLimit) {
  EXPECT_TRUE(check_stored_pixels(1 << 14, 1 << 14).ok());
  EXPECT_EQ(check_stored_pixels((1 << 14) + 1, 1 << 14).message(),
            "is 16385 x 16384 pixels, more than the limit of 268435456; make it smaller");
  EXPECT_FALSE(check_stored_pixels(1ull << 33, 1ull << 33).ok());
}

// A grey JPEG whose blocks are all alike: the codes of four of them, with the usual tables, are three bytes.
std::string grey_jpeg(unsigned side) {
  std::string jpeg = read_text(image_path("jpeg_grey.jpg"));
  const std::size_t frame = jpeg.find("\xff\xc0") + 5, scan = jpeg.find("\xff\xda");
  for (const std::size_t at : {frame, frame + 2}) {
    jpeg[at] = static_cast<char>(side >> 8);
    jpeg[at + 1] = static_cast<char>(side & 0xff);
  }
  jpeg.resize(scan + 2 + static_cast<unsigned char>(jpeg[scan + 3]));
  for (std::size_t blocks = std::size_t{side} * side / 64; blocks > 0; blocks -= 4) jpeg += "\x28\xa2\x8a";
  return jpeg + "\xff\xd9";
}

TEST(ImageTest, PictureBeyondTheLimitIsDecodedWhereItIsScaled) {
  const TemporaryFolder folder;
  const std::string path = folder.write("large.jpg", grey_jpeg(1 << 14));
  const auto image = decode_image(path, {256});
  ASSERT_TRUE(image.ok()) << image.status().message();
  EXPECT_EQ(image->shape, (Shape{2048, 2048, 3}));
  EXPECT_EQ(std::to_integer<int>(image->data.get()[image->size_bytes - 1]), 128);
  for (const PictureUse use : {PictureUse{}, PictureUse{256, true}}) {
    EXPECT_NE(decode_image(path, use).status().message().find("more than the limit of 134217728"), std::string::npos);
  }
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
