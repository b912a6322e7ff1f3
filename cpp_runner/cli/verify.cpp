// verify: replays the package's golden cases on this device.
#include <cstdio>

#include "common.h"
#include "isolate.h"
#include "table.h"

namespace runner {
namespace {

std::string error_text(const Json& value) {
  return value.is_null() ? "-" : scientific(value.get<double>());
}

std::string reason_text(const Json& row) {
  if (row.at("passed").get<bool>()) return "";
  const Json& index = row.at("worst_index");
  return row.at("reason").get<std::string>() + (index.is_null() ? "" : " at " + index.dump()) + ": expected " +
         row.at("expected").dump() + ", got " + row.at("actual").dump();
}

void print_verdict(std::size_t failures, std::size_t total, const std::string& unproven) {
  const char* agreed = unproven.empty() ? "PASS: " : "";
  std::printf("%s%zu of %zu outputs agree with the original model\n",
              failures == 0 ? agreed : "FAIL: ", total - failures, total);
  if (unproven.empty()) return;
  std::printf("UNPROVEN: %s. %s\n", printable(unproven).c_str(), kUnprovenMeans);
}

void print_report(const Json& document) {
  std::fprintf(stderr, "%s\n", document.at("context").at("runtime").get<std::string>().c_str());
  std::vector<Row> rows{{"case", "output", "verdict", "norm", "max", "why"}};
  std::size_t failures = 0;
  for (const Json& row : document.at("results")) {
    const bool passed = row.at("passed").get<bool>();
    failures += passed ? 0 : 1;
    rows.push_back({row.at("case"), row.at("output"), passed ? "pass" : "FAIL", error_text(row.at("norm_error")),
                    error_text(row.at("max_error")), reason_text(row)});
  }
  print_table(rows);
  print_verdict(failures, rows.size() - 1, joined(document.at("context").at("unproven")));
}

void run_verify(const ModelOptions& options) {
  const ModelPtr model = load_model(options);
  if (!options.json) announce_weights(model.get());
  char* text = nullptr;
  const ek_status status = ek_model_verify(model.get(), &text);
  if (status != EK_OK && status != EK_VERDICT_FAILED) check(status);
  const std::string report = take_text(text);
  if (options.json) {
    std::printf("%s\n", report.c_str());
  } else {
    print_report(Json::parse(report));
  }
  check(status);
}

}  // namespace

void setup_verify(CLI::App& app) {
  auto options = std::make_shared<ModelOptions>();
  CLI::App* verb =
      app.add_subcommand("verify", "Check on this device that the answers are those of the original model");
  add_model_options(*verb, *options);
  verb->callback([options] {
    isolate(*options);
    run_verify(*options);
  });
}

}  // namespace runner
