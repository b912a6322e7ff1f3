#include "core/npy.h"

#include "support.h"

namespace edgekit {
namespace {

using testing::make_tensor;
using testing::read_text;
using testing::TemporaryFolder;

std::string npy(const std::string& dict, const std::string& data) {
  std::string padded = dict + std::string(117 - dict.size(), ' ') + "\n";
  return std::string("\x93NUMPY\x01\0", 8) + static_cast<char>(padded.size()) + '\0' + padded + data;
}

TEST(NpyTest, WhatIsWrittenReadsBack) {
  const TemporaryFolder folder;
  const std::string path = folder.file("x.npy");
  for (const Shape& shape : {Shape{}, Shape{6}, Shape{2, 3}, Shape{0, 4}}) {
    const std::size_t count = *element_count(shape, DType::kFloat32);
    const Tensor tensor = make_tensor<float>(DType::kFloat32, shape, std::vector<float>(count, 1.5f));
    ASSERT_TRUE(write_npy(path, tensor.view()).ok());
    const auto back = read_npy(path);
    ASSERT_TRUE(back.ok()) << back.status().message();
    EXPECT_EQ(back->shape, shape);
    EXPECT_EQ(back->dtype, DType::kFloat32);
    EXPECT_EQ(std::memcmp(back->data.get(), tensor.data.get(), tensor.size_bytes), 0);
  }
}

TEST(NpyTest, WritesTheHeaderThatNumpyWrites) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_npy(folder.file("x.npy"), make_tensor<std::uint8_t>(DType::kUint8, {2}, {1, 2}).view()).ok());
  EXPECT_EQ(read_text(folder.file("x.npy")),
            npy("{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }", "\x01\x02"));
}

TEST(NpyTest, NamesWhatItCannotRead) {
  const TemporaryFolder folder;
  const auto message = [&](const std::string& bytes) {
    const auto status = read_npy(folder.write("x.npy", bytes)).status();
    EXPECT_EQ(status.code(), Code::kUsage);
    return status.message();
  };
  const auto has = [&](const std::string& bytes, const char* text) {
    return message(bytes).find(text) != std::string::npos;
  };
  EXPECT_TRUE(has("", "not a .npy file"));
  EXPECT_TRUE(has(npy("{'descr': '<f2', 'fortran_order': False, 'shape': (2,), }", ""), "'<f2'"));
  EXPECT_TRUE(has(npy("{'descr': '>f4', 'fortran_order': False, 'shape': (2,), }", ""), "little-endian"));
  EXPECT_TRUE(has(npy("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2), }", ""), "Fortran"));
  EXPECT_TRUE(has(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", "1234567"), "7 bytes"));
  EXPECT_TRUE(has(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }", ""), "negative"));
  EXPECT_TRUE(has(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (a,), }", ""), "shape"));
  EXPECT_TRUE(has(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000000,), }", ""), "needs 4000"));
  EXPECT_TRUE(has(npy("{'nothing': 1}", ""), "damaged"));
  EXPECT_EQ(read_npy(folder.file("missing.npy")).status().code(), Code::kUsage);
}

}  // namespace
}  // namespace edgekit
