#include <algorithm>
#include <cmath>

#include "engine/model.h"
#include "engine/registry.h"
#include "format/json_tensors.h"
#include "format/sample_manifest.h"
#include "report/reports.h"
#include "support.h"

namespace edgekit {
namespace {

using nlohmann::json;
using testing::conformance;
using testing::make_zip;
using testing::TemporaryFolder;

Result<Values> scripted_answer = Values{};

// Gives a fixed answer instead of running a model.
class ScriptedEngine : public Engine {
 public:
  std::vector<std::string> methods() const override { return {"forward"}; }
  std::optional<std::vector<Parameter>> parameters(const std::string&) const override { return std::nullopt; }
  Result<Values> run(const std::string&, std::span<const TensorView>, const RunLimits&) override {
    return scripted_answer;
  }
  Result<std::vector<OperatorTime>> profile(const std::string&, std::span<const TensorView>, std::size_t,
                                            const RunLimits&) override {
    return std::vector<OperatorTime>{};
  }
};

EngineFactory scripted_engine() {
  EngineFactory row;
  row.name = "scripted";
  row.kinds = {ModelKind::kLiteZip};
  row.make = [](const Package&, const EngineOptions&) -> Result<std::unique_ptr<Engine>> {
    return std::unique_ptr<Engine>(new ScriptedEngine());
  };
  row.version = []() -> std::string { return "scripted 1"; };
  return row;
}

Result<Values> read_answer(const json& node) {
  if (node.contains("error")) return runtime_error(node["error"]);
  return Values{node.at("structure"), testing::read_tensors(node.at("outputs"))};
}

// A package named tiny with one golden case, which has no inputs.
std::string write_package(const TemporaryFolder& folder, const json& it) {
  auto manifest = testing::sample_manifest();
  manifest["name"] = "tiny";
  manifest["tolerance"] = it.at("tolerance");
  manifest["tolerance"].emplace("loosened", true);  // the cases have wide bounds
  manifest["methods"] = {{{"name", "forward"}, {"structure", it.at("structure")}, {"inputs", json::array()}}};
  manifest["methods"][0]["outputs"] = it.at("outputs");
  for (json& output : manifest["methods"][0]["outputs"]) {
    const auto& unproven = it.at("unproven");
    const bool listed = std::find(unproven.begin(), unproven.end(), output.at("name")) != unproven.end();
    output["proof"] = listed ? "unproven" : "varies";
  }
  const json golden_case{{"name", it.at("case")},
                         {"method", "forward"},
                         {"inputs", json::array()},
                         {"outputs", it.at("outputs")},
                         {"structure", it.at("case_structure")},
                         {"tolerance", it.at("case_tolerance")}};
  const json golden{{"schema_version", "2.0"}, {"cases", json::array({golden_case})}};
  return folder.write("tiny.ptl", make_zip({{"a/bytecode.pkl", "N."},
                                            {"a/extra/edgekit/manifest.json", manifest.dump()},
                                            {"a/extra/edgekit/golden.json", golden.dump()}}));
}

void expect_same(const json& expected, const json& actual) {
  if (!expected.is_number_float() && !actual.is_number_float()) {
    EXPECT_EQ(expected, actual);
    return;
  }
  ASSERT_TRUE(actual.is_number()) << actual;
  EXPECT_NEAR(expected.get<double>(), actual.get<double>(), 1e-6 * std::fabs(expected.get<double>()));
}

void expect_same_row(const json& expected, const json& actual) {
  ASSERT_EQ(expected.size(), actual.size()) << actual;
  for (const auto& [key, value] : expected.items()) {
    SCOPED_TRACE(key);
    ASSERT_TRUE(actual.contains(key));
    expect_same(value, actual[key]);
  }
}

TEST(VerdictTest, AgreesWithTheConformanceCases) {
  const json cases = conformance("verdict.json").at("cases");
  ASSERT_GT(cases.size(), 0u);
  const EngineFactory row = scripted_engine();
  for (const json& it : cases) {
    SCOPED_TRACE(it.at("name").get<std::string>());
    const TemporaryFolder folder;
    scripted_answer = read_answer(it.at("answer"));
    LoadOptions options;
    options.engines = {&row, 1};
    options.check_digests = false;
    const auto model = Model::load(write_package(folder, it), options);
    ASSERT_TRUE(model.ok()) << model.status().message();
    const auto report = verify_report(**model);
    ASSERT_TRUE(report.ok()) << report.status().message();
    const json document = json::parse(report->json);
    EXPECT_EQ(document.at("schema_version"), "1.0");
    EXPECT_EQ(report->passed(), it.at("context").at("passed").get<bool>());
    for (const auto& [key, value] : it.at("context").items()) EXPECT_EQ(document.at("context").at(key), value) << key;
    const json& rows = it.at("rows");
    ASSERT_EQ(document.at("results").size(), rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) expect_same_row(rows[i], document["results"][i]);
  }
}

TEST(VerdictTest, RefusesCasesThatCannotFail) {
  const EngineFactory row = scripted_engine();
  LoadOptions options;
  options.engines = {&row, 1};
  options.check_digests = false;
  const json tight{{"norm", 1e-5}, {"max", 1e-5}, {"absolute", 1e-5}, {"loosened", false}};
  const json output{{"name", "0"}, {"dtype", "float32"}, {"shape", {2}}, {"indices", nullptr}, {"values", {1.0, 2.0}}};
  const json good{{"case", "c"},
                  {"structure", "*"},
                  {"case_structure", nullptr},
                  {"tolerance", tight},
                  {"case_tolerance", nullptr},
                  {"unproven", json::array()},
                  {"outputs", json::array({output})}};
  const auto message = [&](const json& it, const json& answer) {
    const TemporaryFolder folder;
    scripted_answer = Values{"*", testing::read_tensors(answer.at("outputs"))};
    const auto model = Model::load(write_package(folder, it), options);
    EXPECT_TRUE(model.ok());
    const auto report = verify_report(**model);
    return report.ok() ? std::string("accepted") : report.status().message();
  };
  json loose = good;
  loose["tolerance"]["max"] = 0.0011;
  EXPECT_NE(message(loose, good).find("not marked as loosened"), std::string::npos);
  loose["tolerance"]["loosened"] = true;
  EXPECT_EQ(message(loose, good), "accepted");
}

}  // namespace
}  // namespace edgekit
