#include "engine/registry.h"

#include "engine/fake_engine.h"
#include "engine/model.h"
#include "format/sample_manifest.h"
#include "support.h"

namespace edgekit {
namespace {

using testing::make_tensor;
using testing::make_zip;
using testing::TemporaryFolder;

std::string write_model(const TemporaryFolder& folder) {
  auto manifest = testing::sample_manifest();
  manifest["methods"][0]["outputs"][0]["shape"] = {nullptr, 3};
  return folder.write("toy.ptl",
                      make_zip({{"a/bytecode.pkl", "N."}, {"a/extra/edgekit/manifest.json", manifest.dump()}}));
}

LoadOptions options_with(EngineTable engines) {
  LoadOptions options;
  options.engines = engines;
  options.check_digests = false;
  return options;
}

TEST(RegistryTest, OneRowAddsAnEngine) {
  const TemporaryFolder folder;
  const EngineFactory row = testing::doubling_engine();
  const auto model = Model::load(write_model(folder), options_with({&row, 1}));
  ASSERT_TRUE(model.ok()) << model.status().message();
  EXPECT_EQ((*model)->engine_name(), "doubling");
  EXPECT_EQ((*model)->runtime_version(), "doubling 1.0");
  const Tensor input = make_tensor<float>(DType::kFloat32, {1, 3}, {1.0f, 2.0f, 3.0f});
  const TensorView view = input.view();
  const auto outputs = (*model)->run("forward", {&view, 1}, (*model)->limits());
  ASSERT_TRUE(outputs.ok()) << outputs.status().message();
  EXPECT_EQ(element_as_double(outputs->items[0].tensor.view(), 2), 6.0);
}

TEST(RegistryTest, TheKindOfAFileChoosesTheRow) {
  std::vector<EngineFactory> engines{testing::doubling_engine(), testing::doubling_engine()};
  engines[0].kinds = {ModelKind::kTorchScript};
  engines[1].name = "second";
  Package package;
  package.kind = ModelKind::kLiteZip;
  EXPECT_EQ(find_engine(engines, package)->name, "second");
}

TEST(RegistryTest, AKindWithoutARowIsAnErrorThatNamesIt) {
  const TemporaryFolder folder;
  EngineFactory row = testing::doubling_engine();
  row.kinds = {ModelKind::kTorchScript};
  for (const EngineTable& engines : {EngineTable(&row, 1), EngineTable()}) {
    const Status status = Model::load(write_model(folder), options_with(engines)).status();
    EXPECT_EQ(status.code(), Code::kRuntime);
    EXPECT_NE(status.message().find("no engine for"), std::string::npos) << status.message();
    EXPECT_NE(status.message().find("a lite model"), std::string::npos) << status.message();
  }
}

std::string write_quantized_model(const TemporaryFolder& folder) {
  auto manifest = testing::sample_manifest();
  manifest["runtime"]["quantized_engine"] = "qnnpack";
  return folder.write("toy.ptl",
                      make_zip({{"a/bytecode.pkl", "N."}, {"a/extra/edgekit/manifest.json", manifest.dump()}}));
}

TEST(RegistryTest, AQuantizedEngineThatTheRuntimeLacksIsAnErrorThatNamesBoth) {
  const TemporaryFolder folder;
  EngineFactory row = testing::doubling_engine();
  const auto message = [&] { return Model::load(write_quantized_model(folder), options_with({&row, 1})).status(); };
  EXPECT_EQ(message().code(), Code::kRuntime);
  EXPECT_NE(message().message().find("needs the quantized engine qnnpack, but doubling 1.0 has none"),
            std::string::npos)
      << message().message();
  row.quantized_engines = [] { return std::vector<std::string>{"fbgemm", "x86"}; };
  EXPECT_NE(message().message().find("has fbgemm, x86"), std::string::npos) << message().message();
}

TEST(RegistryTest, TheQuantizedEngineOfThePackageReachesTheEngine) {
  static std::string given;
  const TemporaryFolder folder;
  EngineFactory row = testing::doubling_engine();
  row.quantized_engines = [] { return std::vector<std::string>{"x86", "qnnpack"}; };
  row.make = [](const Package&, const EngineOptions& options) -> Result<std::unique_ptr<Engine>> {
    given = options.process.quantized_engine;
    return std::unique_ptr<Engine>(new testing::DoublingEngine());
  };
  EXPECT_TRUE(Model::load(write_quantized_model(folder), options_with({&row, 1})).ok());
  EXPECT_EQ(given, "qnnpack");
  EXPECT_TRUE(Model::load(write_model(folder), options_with({&row, 1})).ok());
  EXPECT_EQ(given, "");
}

TEST(RegistryTest, OperatorsAndVersionsComeFromTheRows) {
  std::vector<EngineFactory> engines(3, testing::doubling_engine());
  engines[1].operators = nullptr;
  engines[2].version = []() -> std::string { return "other 2"; };
  engines[2].operators = []() -> Result<std::vector<OperatorInfo>> {
    return std::vector<OperatorInfo>{{"z", {}}, {"a", 1}};
  };
  const auto operators = runtime_operators(engines);
  ASSERT_TRUE(operators.ok());
  ASSERT_EQ(operators->size(), 3u);
  EXPECT_EQ((*operators)[0].name, "a");
  EXPECT_EQ((*operators)[1].name, "double");
  EXPECT_EQ(runtime_versions(engines), "doubling 1.0, other 2");
}

TEST(RegistryTest, ABuildWithoutEnginesHasNoOperators) {
  EXPECT_EQ(runtime_operators({}).status().code(), Code::kRuntime);
  EXPECT_EQ(runtime_versions({}), "none");
}

}  // namespace
}  // namespace edgekit
