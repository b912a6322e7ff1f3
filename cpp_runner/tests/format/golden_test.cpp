#include "format/golden.h"

#include "core/digest.h"
#include "format/json_tensors.h"
#include "support.h"

namespace edgekit {
namespace {

using testing::conformance;

GoldenInput to_input(const nlohmann::json& node) {
  return {node.at("name"),
          *parse_dtype(node.at("dtype").get<std::string>()),
          node.at("shape").get<Shape>(),
          node.at("seed").get<std::uint32_t>(),
          node.at("low"),
          node.at("high"),
          {}};
}

TEST(GeneratorTest, MakesTheBitsOfTheConformanceCases) {
  const auto cases = conformance("generator.json").at("cases");
  ASSERT_GT(cases.size(), 0u);
  for (const auto& it : cases) {
    SCOPED_TRACE(it.dump());
    const auto tensor = make_input(to_input(it.at("input")));
    ASSERT_TRUE(tensor.ok()) << tensor.status().message();
    EXPECT_EQ(sha256_hex(tensor->view().bytes), it.at("sha256").get<std::string>());
    for (std::size_t i = 0; i < it.at("first").size(); ++i) {
      EXPECT_EQ(element_as_double(tensor->view(), i), it.at("first")[i].get<double>());
    }
  }
}

TEST(GeneratorTest, RefusesBoundsThatTheDTypeCannotHold) {
  const auto refused = [](DType dtype, double low, double high) {
    return !make_input({"x", dtype, {2}, 1, low, high, {}}).ok();
  };
  EXPECT_TRUE(refused(DType::kUint8, 0, 256));
  EXPECT_TRUE(refused(DType::kUint8, -1, 5));
  EXPECT_TRUE(refused(DType::kBool, 0, 2));
  EXPECT_TRUE(refused(DType::kInt64, 0, 0x1p33));
  EXPECT_TRUE(refused(DType::kFloat32, 2, 1));
  EXPECT_FALSE(refused(DType::kInt64, -5, 5));
}

void expect_same_input(const nlohmann::json& expected, const GoldenInput& input) {
  auto named = expected;
  named["name"] = "";
  const Tensor wanted = testing::read_tensor(named).tensor;
  const auto made = make_input(input);
  ASSERT_TRUE(made.ok()) << made.status().message();
  EXPECT_EQ(made->dtype, wanted.dtype);
  EXPECT_EQ(made->shape, wanted.shape);
  ASSERT_EQ(made->size_bytes, wanted.size_bytes);
  EXPECT_EQ(std::memcmp(made->data.get(), wanted.data.get(), wanted.size_bytes), 0);
}

TEST(GoldenTest, AgreesWithTheConformanceCases) {
  const auto cases = conformance("goldens.json").at("cases");
  ASSERT_GT(cases.size(), 0u);
  for (const auto& it : cases) {
    SCOPED_TRACE(it.at("name").get<std::string>());
    const auto golden = parse_golden(it.at("text").get_ref<const std::string&>());
    ASSERT_EQ(golden.ok(), it.at("accepted").get<bool>()) << golden.status().message();
    if (!golden.ok()) {
      EXPECT_EQ(golden.status().code(), Code::kBadPackage);
    } else if (it.contains("inputs")) {
      const auto& inputs = (*golden)[0].inputs;
      ASSERT_EQ(inputs.size(), it["inputs"].size());
      for (std::size_t i = 0; i < inputs.size(); ++i) expect_same_input(it["inputs"][i], inputs[i]);
    }
  }
}

std::string golden(const std::string& output) {
  return R"({"schema_version": "1.0", "cases": [{"name": "a", "method": "forward", "inputs": [], "outputs": [)" +
         output + "]}]}";
}

TEST(GoldenTest, ReadsWholeAndSampledOutputs) {
  const auto cases = parse_golden(
      golden(R"({"name": "0", "dtype": "float32", "shape": [2, 3], "indices": [1, 5], "values": [0.5, "inf"]},
                {"name": "1", "dtype": "int64", "shape": [1], "indices": null, "values": [9007199254740993]})"));
  ASSERT_TRUE(cases.ok()) << cases.status().message();
  const auto& outputs = (*cases)[0].outputs;
  EXPECT_EQ(outputs[0].position(1), 5u);
  EXPECT_EQ(outputs[0].reals[0], 0.5);
  EXPECT_EQ(outputs[1].integers[0], 9007199254740993);
}

TEST(GoldenTest, ACaseMayHaveItsOwnTolerance) {
  auto document = nlohmann::json::parse(golden(""));
  EXPECT_FALSE((*parse_golden(document.dump()))[0].tolerance.has_value());
  document["cases"][0]["tolerance"] = {{"norm", 1e-4}, {"max", 2e-4}, {"absolute", 3e-4}, {"loosened", false}};
  EXPECT_EQ((*parse_golden(document.dump()))[0].tolerance->max, 2e-4);
  document["cases"][0]["tolerance"]["norm"] = -1;
  EXPECT_EQ(parse_golden(document.dump()).status().code(), Code::kBadPackage);
}

TEST(GoldenTest, RefusesPositionsAndCountsThatDoNotFit) {
  const auto refused = [](const char* output) {
    return parse_golden(golden(output)).status().code() == Code::kBadPackage;
  };
  EXPECT_TRUE(refused(R"({"name": "0", "dtype": "float32", "shape": [2], "indices": [2], "values": [1]})"));
  EXPECT_TRUE(refused(R"({"name": "0", "dtype": "float32", "shape": [2], "indices": null, "values": [1]})"));
  EXPECT_TRUE(refused(R"({"name": "0", "dtype": "float32", "shape": [-2], "indices": [], "values": []})"));
  EXPECT_TRUE(refused(R"({"name": "0", "dtype": "half", "shape": [1], "indices": null, "values": [1]})"));
  EXPECT_TRUE(refused(R"({"name": "0", "dtype": "float32", "shape": [1], "indices": null, "values": ["much"]})"));
}

TEST(GoldenTest, RefusesTensorsThatAreTooLargeAndNamesThatAreThereTwice) {
  const char* one = R"({"name": "0", "dtype": "float32", "shape": [1], "indices": null, "values": [1]})";
  EXPECT_TRUE(parse_golden(golden(one)).ok());
  EXPECT_FALSE(parse_golden(golden(std::string(one) + ", " + one)).ok());
  const char* vast = R"({"name": "0", "dtype": "uint8", "shape": [65536, 65536], "indices": [0], "values": [1]})";
  EXPECT_NE(parse_golden(golden(vast)).status().message().find("2^28"), std::string::npos);
  auto document = nlohmann::json::parse(golden(one));
  document["cases"][0]["inputs"] = {
      {{"name", "x"}, {"dtype", "uint8"}, {"shape", {1 << 20, 1 << 20}}, {"seed", 1}, {"low", 0}, {"high", 1}}};
  EXPECT_FALSE(parse_golden(document.dump()).ok());
}

TEST(GoldenTest, RefusesWhatIsNoDocument) {
  EXPECT_EQ(parse_golden("{").status().code(), Code::kBadPackage);
  EXPECT_EQ(parse_golden(R"({"schema_version": "3.0", "cases": []})").status().code(), Code::kBadPackage);
}

}  // namespace
}  // namespace edgekit
