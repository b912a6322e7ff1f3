// bench: load, first run, warm-up and steady state apart.
#include <cstdio>

#include "common.h"
#include "inputs.h"
#include "isolate.h"
#include "table.h"

namespace runner {
namespace {

struct Options {
  ModelOptions model;
  ek_bench_options bench{};
  std::string method = "forward";
  std::vector<std::string> inputs;
  bool per_operator = false;
};

void print_operators(const Json& operators) {
  std::vector<Row> rows{{"operator", "ms", "%", "sum %", "calls"}};
  for (const Json& it : operators) {
    rows.push_back({it.at("name"), fixed(it.at("ms"), 3), fixed(it.at("percent"), 1),
                    fixed(it.at("cumulative_percent"), 1), it.at("calls").dump()});
  }
  std::printf("\n");
  print_table(rows);
}

void print_report(const Json& document) {
  const Json& context = document.at("context");
  std::fprintf(stderr, "%s, %s threads (%s), %s\n", context.at("runtime").get<std::string>().c_str(),
               context.at("threads").dump().c_str(), context.at("pool").get<std::string>().c_str(),
               context.at("cpu").is_null() ? "unknown CPU" : context.at("cpu").get<std::string>().c_str());
  const Json& result = document.at("results").at(0);
  const auto ms = [&](const char* key) { return fixed(result.at(key), 3); };
  print_table(
      {{"method", "load ms", "first ms", "min ms", "p50 ms", "p90 ms", "p99 ms", "mean ms", "runs", "peak MB"},
       {result.at("method"), ms("load_ms"), ms("first_ms"), ms("min_ms"), ms("p50_ms"), ms("p90_ms"), ms("p99_ms"),
        ms("mean_ms"), result.at("iterations").dump(), fixed(result.at("peak_rss_bytes").get<double>() / 1e6, 1)}});
  if (result.contains("operators")) print_operators(result["operators"]);
}

// A file that ends its first run is timed as long as the user wants.
void run_once(ek_model* model, ek_bench_options bench) {
  bench.iterations = 1;
  bench.min_seconds = 0.0;
  bench.warmup = 0;
  bench.per_operator = 0;
  char* text = nullptr;
  check(ek_model_bench(model, &bench, &text));
  ek_string_free(text);
  report_last_step();
}

void run_bench(Options& options) {
  const Inputs inputs(options.inputs);
  const ModelPtr model = load_model(options.model);
  if (!options.model.json) announce_weights(model.get());
  options.bench.method = options.method.c_str();
  options.bench.per_operator = options.per_operator ? 1 : 0;
  const std::vector<ek_tensor> tensors = inputs.in_order(model.get(), options.method);
  options.bench.inputs = tensors.empty() ? nullptr : tensors.data();
  options.bench.input_count = tensors.size();
  if (is_isolated()) run_once(model.get(), options.bench);
  char* text = nullptr;
  check(ek_model_bench(model.get(), &options.bench, &text));
  const std::string report = take_text(text);
  if (options.model.json) {
    std::printf("%s\n", report.c_str());
  } else {
    print_report(Json::parse(report));
  }
}

}  // namespace

void setup_bench(CLI::App& app) {
  auto options = std::make_shared<Options>();
  ek_bench_options_init(&options->bench);
  CLI::App* verb = app.add_subcommand("bench", "Time a method");
  add_model_options(*verb, options->model);
  verb->add_option("--method", options->method, "the method to time")->capture_default_str();
  verb->add_option("--input", options->inputs,
                   "[NAME=]FILE.npy, or SHAPE[:DTYPE[LOW,HIGH]]; by default the inputs of a golden case; repeatable")
      ->allow_extra_args(false);
  verb->add_option("--iterations", options->bench.iterations, "the smallest number of timed runs")
      ->capture_default_str();
  verb->add_option("--min-seconds", options->bench.min_seconds, "the shortest time for them, in seconds")
      ->capture_default_str();
  verb->add_option("--warmup", options->bench.warmup, "untimed runs before them")->capture_default_str();
  verb->add_flag("--ops", options->per_operator, "also show the time in each operator, from separate runs");
  verb->callback([options] {
    isolate(options->model);
    run_bench(*options);
  });
}

}  // namespace runner
