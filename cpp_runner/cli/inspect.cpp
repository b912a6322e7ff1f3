// inspect: what a model file contains, without loading the model.
#include <cstdio>

#include "common.h"
#include "table.h"

namespace runner {
namespace {

struct Options {
  std::string path;
  std::optional<std::string> public_key;
  bool json = false;
};

// The runner does not read these fields, so they may have any type.
std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

void print_manifest(const Json& result, bool signature_checked) {
  const Json& manifest = result.at("manifest");
  const Json& provenance = manifest.at("provenance");
  std::vector<Row> rows{{"name", manifest.at("name")},
                        {"source", provenance.contains("source") ? text_of(provenance["source"]) : "unknown"},
                        {"weights", text_of(provenance.at("weights").at("kind"))}};
  const Json& signer = result.at("signed_by");
  const std::string state = signature_checked ? ", checked" : ", not checked: give its file with --public-key";
  rows.push_back({"signature", signer.is_null() ? "none" : "by the key " + signer.get<std::string>() + state});
  for (const Json& signature : result.at("signatures")) rows.push_back({"method", signature});
  if (!result.at("ranges_proved").get<bool>()) {
    rows.push_back({"sizes", "* is not range-proved: the package has format 1"});
  }
  const std::string unproven = joined(result.at("unproven"));
  if (!unproven.empty()) rows.push_back({"UNPROVEN", unproven + ". " + kUnprovenMeans});
  if (manifest.contains("operators")) rows.push_back({"operators", std::to_string(manifest["operators"].size())});
  print_table(rows);
}

void run_inspect(const Options& options) {
  const bool checked = options.public_key.has_value();
  if (checked) check(ek_check_signature(options.path.c_str(), read_public_key(*options.public_key).c_str()));
  char* text = nullptr;
  check(ek_inspect(options.path.c_str(), &text));
  const std::string report = take_text(text);
  if (options.json) {
    std::printf("%s\n", report.c_str());
    return;
  }
  const Json document = parse_json(report);
  const Json& result = document.at("results").at(0);
  const Json& manifest = result.at("manifest");
  if (!manifest.is_null()) announce_weights(manifest);
  print_table({{"file", options.path},
               {"kind", result.at("kind")},
               {"size", fixed(result.at("size_bytes").get<double>() / 1e6, 2) + " MB"},
               {"records", std::to_string(result.at("records").size())},
               {"labels", result.at("labels").dump()}});
  if (manifest.is_null()) {
    std::printf("no edgekit manifest: export the model with edgekit to get checked inputs and golden cases\n");
  } else {
    print_manifest(result, checked);
  }
}

}  // namespace

void setup_inspect(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("inspect", "Show what a model file contains, without loading it");
  add_model_argument(*verb, options->path);
  add_public_key_option(*verb, options->public_key);
  add_json_option(*verb, options->json);
  verb->callback([options] { run_inspect(*options); });
}

}  // namespace runner
