#include "common.h"

#include <cstdio>
#include <fstream>

#include "isolate.h"
#include "table.h"

namespace runner {
namespace {

void print_warning(void*, const char* message) {
  std::fprintf(stderr, "edgekit-runner: warning: %s\n", printable(message).c_str());
}

struct TextDeleter {
  void operator()(char* text) const { ek_string_free(text); }
};

}  // namespace

void check(ek_status status) {
  if (status != EK_OK) throw Failure{status, ek_last_error()};
}

void add_json_option(CLI::App& verb, bool& json) {
  verb.add_flag("--json", json, "print one JSON document on stdout instead of text");
}

void add_model_argument(CLI::App& verb, std::string& path) {
  verb.add_option("model", path, "a .ptl package or a TorchScript .pt")->required();
}

void add_public_key_option(CLI::App& verb, std::optional<std::string>& path) {
  // Not added as an optional: CLI11 would take an empty name for one that was not given, and nothing would be checked.
  verb.add_option_function<std::string>(
      "--public-key", [&path](const std::string& text) { path = text; },
      "an Ed25519 public key, a PEM file: refuse a package that was not signed with its private key; one "
      "that was needs no isolation");
}

std::string read_public_key(const std::string& path) {
  constexpr std::streamsize kMostBytes = 1 << 16;
  std::ifstream file(path, std::ios::binary);
  std::string text(kMostBytes + 1, '\0');
  file.read(text.data(), kMostBytes + 1);
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (file.bad() || text.empty()) {
    throw Failure{EK_USAGE, "the key file " + path + " cannot be read, or is empty; check the path and permissions"};
  }
  return text;
}

void add_model_options(CLI::App& verb, ModelOptions& options) {
  add_model_argument(verb, options.path);
  verb.add_option("--threads", options.threads, "the number of threads; by default that of the package, else all cores")
      ->check(CLI::Range(1, 1024));
  verb.add_option("--pool", options.pool, "the thread pool that uses them; auto takes that of the package")
      ->check(CLI::IsMember({"auto", "xnnpack", "openmp"}))
      ->capture_default_str();
  verb.add_flag("--no-optimize", options.no_optimize, "run a .pt unchanged, without optimize_for_inference");
  verb.add_flag("--allow-nonfinite", options.allow_nonfinite,
                "accept NaN in inputs, and NaN and infinities in outputs");
  add_public_key_option(verb, options.public_key);
  verb.add_option("--isolate", options.isolate,
                  "load and run the file in a process of its own, under limits of time and memory; auto does so for a "
                  "file that was not exported on this machine")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->envname("EDGEKIT_ISOLATE")
      ->capture_default_str();
  verb.add_option("--isolate-seconds", options.isolate_seconds,
                  "there, the longest time for loading the file, and for each run, in seconds")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  add_json_option(verb, options.json);
}

ModelPtr load_model(const ModelOptions& options) {
  (void)ek_keep_freed_memory();  // only slower without it
  ek_options load;
  ek_options_init(&load);
  load.threads = options.threads;
  load.pool = options.pool == "xnnpack" ? EK_POOL_XNNPACK : options.pool == "openmp" ? EK_POOL_OPENMP : EK_POOL_AUTO;
  load.optimize = options.no_optimize ? 0 : 1;
  load.allow_nonfinite = options.allow_nonfinite ? 1 : 0;
  load.warn = print_warning;
  const std::string key = options.public_key ? read_public_key(*options.public_key) : "";
  if (options.public_key) load.public_key = key.c_str();
  limit_memory();
  ek_model* model = nullptr;
  check(ek_model_load(options.path.c_str(), &load, &model));
  report_step();
  return ModelPtr(model);
}

void announce_weights(const ek_model* model) {
  const std::string manifest = ek_model_manifest(model);
  if (!manifest.empty()) announce_weights(parse_json(manifest));
}

void announce_weights(const Json& manifest) {
  const Json& weights = manifest.at("provenance").at("weights");
  if (weights.at("kind") != "random") return;
  const std::string seed = weights.contains("seed") ? weights["seed"].dump() : "unknown";
  std::printf("RANDOM WEIGHTS (seed %s): the answers of %s mean nothing\n", seed.c_str(),
              printable(manifest.at("name").get_ref<const std::string&>()).c_str());
}

Json model_context(const ek_model* model) {
  const std::string text = ek_model_manifest(model);
  Json package, weights;
  if (!text.empty()) {
    const Json manifest = parse_json(text);
    package = manifest.at("name");
    weights = manifest.at("provenance").at("weights").at("kind");
  }
  return {{"edgekit", ek_version()}, {"package", package}, {"weights", weights}};
}

void print_document(Json context, Json results) {
  const Json document{{"schema_version", "1.0"}, {"context", std::move(context)}, {"results", std::move(results)}};
  // JSON is UTF-8, and a path may be anything.
  std::printf("%s\n", document.dump(1, ' ', true, Json::error_handler_t::replace).c_str());
}

std::string joined(const Json& texts) {
  std::string text;
  for (const Json& it : texts) text += (text.empty() ? "" : ", ") + it.get<std::string>();
  return text;
}

Json parse_json(const std::string& text) {
  return Json(nlohmann::json::parse(text));
}

std::string take_text(char* text) {
  return std::unique_ptr<char, TextDeleter>(text).get();
}

Json take_json(char* text) {
  return Json::parse(take_text(text));
}

}  // namespace runner
