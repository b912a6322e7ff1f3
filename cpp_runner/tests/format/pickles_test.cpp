#include "format/pickles.h"

#include "support.h"

namespace edgekit {
namespace {

using testing::make_zip;
using testing::put;
using testing::TemporaryFolder;

const std::string kStart = "\x80\x02";

std::string byte(int value) {
  return {static_cast<char>(value)};
}

std::string repeat(const std::string& text, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all += text;
  return all;
}

std::string text(const std::string& value) {
  std::string bytes = "X";
  put(bytes, static_cast<std::uint32_t>(value.size()));
  return bytes + value;
}

// A tensor of float32 [2, 3] with strides [3, 1] and storage 0, as torch writes it.
std::string tensor(const std::string& offset, const std::string& shape = "K\2K\3\x86",
                   const std::string& strides = "K\3K\1\x86") {
  return "ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + "ctorch\nFloatStorage\n" + text("0") +
         text("cpu") + "K\6tQ" + offset + shape + strides + "\x89" + "ccollections\nOrderedDict\n)RtR";
}

// The message about a model with this bytecode.pkl and a storage of `size` bytes; empty where there is none.
std::string message(const std::string& pickle, std::size_t size = 24) {
  const TemporaryFolder folder;
  const auto package = open_package(folder.write(
      "x.ptl", make_zip({{"a/bytecode.pkl", kStart + pickle}, {"a/constants/0", std::string(size, 'x')}})));
  EXPECT_TRUE(package.ok());
  const Status status = check_pickles(*package);
  EXPECT_EQ(status.code(), status.ok() ? Code::kOk : Code::kBadPackage);
  return status.message();
}

void expect_refused(const std::string& pickle, const std::string& why) {
  EXPECT_NE(message(pickle).find(why), std::string::npos) << message(pickle);
}

TEST(PicklesTest, WhatTorchWritesPasses) {
  EXPECT_EQ(message("N."), "");
  EXPECT_EQ(message("(K\1q\1M\1\1J\1\1\1\1" + byte(0x8a) + "\1\1G12345678h\1]q\2(K\1K\2e}(" + text("a") + "Nut."), "");
  expect_refused("NQ.", "a storage has no class and name");
}

TEST(PicklesTest, LimitsAreThoseOfPython) {
  std::string doubled = "K\1q" + byte(0);
  for (int i = 0; i < 60; ++i) doubled += "h" + byte(i) + "h" + byte(i) + "\x86q" + byte(i + 1);
  expect_refused("Nr\xff\xff\xff\x1f.", "remembers a value under the number 536870911");
  expect_refused(doubled + "h" + byte(60) + ".", "repeat each other");
  expect_refused("}K\1K\2\x86Ns.", "key of a dictionary");
  expect_refused("}(K\1N)Nu.", "key of a dictionary");
  expect_refused("K\1" + repeat("2\x86", 40) + ".", "the opcode 50, which torch does not write");
  expect_refused(repeat("(", 514) + repeat("t", 514) + ".", "nested deeper");
  expect_refused(repeat("]", 514) + repeat("a", 513) + ".", "nested deeper");
  expect_refused("X\xff\xff\xff\xff.", "claims 4294967295 bytes");
  expect_refused(byte(0x8b) + ".", "the opcode 139");
  expect_refused(repeat("N", (1 << 20) + 1) + ".", "more than 1048576 opcodes");
  expect_refused("t.", "values that it does not have");
  expect_refused("h\7.", "values that it does not have");
  expect_refused("(N", "cut short");
  expect_refused("cos\nsystem", "does not end");
  expect_refused("cos\nsystem\n.", "os.system is not a class of a TorchScript archive");
}

TEST(PicklesTest, ListsThatBecomeDeepAfterTheyWereUsedAreRefused) {
  std::string nested = "]q" + byte(0);
  for (int i = 0; i < 200; ++i) nested += "]q" + byte(i + 1) + "h" + byte(i) + "a";
  EXPECT_EQ(message(nested + "."), "");  // each list is whole before the next one holds it
  expect_refused("]q" + byte(0) + "]q" + byte(1) + "ah" + byte(1) + "]a.", "changes after it was used");
}

TEST(PicklesTest, StoragesAreAsLongAsTheirTensors) {
  EXPECT_EQ(message(tensor("K" + byte(0)) + "."), "");
  EXPECT_EQ(message(tensor("K\1", "K" + byte(0) + "K\3\x86") + "."), "");
  expect_refused(tensor("K\1") + ".", "record constants/0 has 24 bytes; expected at least 28");
  EXPECT_NE(message(tensor("K" + byte(0)) + ".", 23).find("has 23 bytes"), std::string::npos);
  expect_refused(tensor("J\xff\xff\xff\xff") + ".", "not a number of at least 0");
  expect_refused(tensor("K" + byte(0), "K\2\x85") + ".", "another number of strides");
  expect_refused(tensor("K" + byte(0), "NK\3\x86") + ".", "not a number of at least 0");
  const std::string huge = byte(0x8a) + byte(8) + repeat("\xff", 7) + "\x7f";
  expect_refused(tensor("K" + byte(0), huge + huge + "\x86", huge + huge + "\x86") + ".", "beyond 2^64");
}

TEST(PicklesTest, StoragesAreLookedForWhereLibtorchDoes) {
  const TemporaryFolder folder;
  const auto status = [&](const std::string& pickle, const std::string& storage) {
    const auto package =
        open_package(folder.write("x.ptl", make_zip({{"a/bytecode.pkl", kStart + "N."},
                                                     {"a/" + pickle, kStart + tensor("K" + byte(0)) + "."},
                                                     {"a/" + storage, std::string(24, 'x')}})));
    EXPECT_TRUE(package.ok()) << package.status().message();
    return check_pickles(*package);
  };
  EXPECT_TRUE(status("data.pkl", "data/0").ok());
  EXPECT_TRUE(status("constants.pkl", "constants/0").ok());
  EXPECT_NE(status("data.pkl", "constants/0").message().find("the storage data/0 of a tensor is missing"),
            std::string::npos);
}

}  // namespace
}  // namespace edgekit
