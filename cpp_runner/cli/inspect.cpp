// inspect: what a model file contains, without loading the model.
#include <cstdio>

#include "common.h"
#include "table.h"

namespace runner {
namespace {

struct Options {
  std::string path;
  bool json = false;
};

std::string spec_text(const Json& specs) {
  std::string text;
  for (const Json& spec : specs) {
    std::string shape;
    for (const Json& extent : spec.at("shape"))
      shape += (shape.empty() ? "" : ", ") + (extent.is_null() ? "*" : extent.dump());
    text += (text.empty() ? "" : ", ") + spec.at("name").get<std::string>() + ": " +
            spec.at("dtype").get<std::string>() + " [" + shape + "]";
  }
  return text;
}

// The runner does not read these fields, so they may have any type.
std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

void print_manifest(const Json& manifest) {
  const Json& provenance = manifest.at("provenance");
  std::vector<Row> rows{{"name", manifest.at("name")},
                        {"source", provenance.contains("source") ? text_of(provenance["source"]) : "unknown"},
                        {"weights", text_of(provenance.at("weights").at("kind"))}};
  for (const Json& method : manifest.at("methods")) {
    rows.push_back({"method", method.at("name").get<std::string>() + "(" + spec_text(method.at("inputs")) + ") -> " +
                                  spec_text(method.at("outputs"))});
  }
  if (manifest.contains("operators")) rows.push_back({"operators", std::to_string(manifest["operators"].size())});
  print_table(rows);
}

void run_inspect(const Options& options) {
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
    print_manifest(manifest);
  }
}

}  // namespace

void setup_inspect(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("inspect", "Show what a model file contains, without loading it");
  add_model_argument(*verb, options->path);
  add_json_option(*verb, options->json);
  verb->callback([options] { run_inspect(*options); });
}

}  // namespace runner
