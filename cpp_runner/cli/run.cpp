// run: pictures through predict, or arrays through a method.
#include "run.h"

#include "isolate.h"

namespace runner {
namespace {

// The options of one form of run do nothing in the other, so they are refused there.
void check_form(const CLI::App& verb) {
  const bool pictures = verb.count("pictures") > 0;
  for (const char* option : {"--input", "--method"}) {
    if (pictures && verb.count(option) > 0) {
      throw Failure{EK_USAGE,
                    std::string("pictures and ") + option +
                        " exclude each other: pictures go through predict, arrays (--input) through --method"};
    }
  }
  if (!pictures && verb.count("--topk") > 0) {
    throw Failure{EK_USAGE, "--topk was given without pictures; it is the number of labels to show for a picture"};
  }
  if (!pictures && verb.count("--overlay") > 0) {
    throw Failure{EK_USAGE, "--overlay was given without pictures; it is the picture with its mask or boxes over it"};
  }
  if (!pictures && verb.count("--min-score") > 0) {
    throw Failure{EK_USAGE, "--min-score was given without pictures; it is the least score of a box to show"};
  }
}

}  // namespace

void setup_run(CLI::App& app) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* verb = app.add_subcommand("run", "Run a model on pictures or arrays");
  add_model_options(*verb, options->model);
  verb->add_option(
      "pictures", options->pictures,
      "JPEG or PNG files, folders of them, or - for standard input, for a classifier, a segmenter or a detector");
  verb->add_option("--topk", options->topk,
                   "the number of labels to show for a picture (5 by default), or of boxes (by default all)")
      ->check(CLI::PositiveNumber);
  verb->add_option("--min-score", options->min_score, "the least score of a box to show for a picture")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  verb->add_option("--input", options->inputs,
                   "[NAME=]FILE.npy, or [NAME=]SHAPE[:DTYPE[LOW,HIGH]] for generated numbers; repeatable")
      ->allow_extra_args(false);
  verb->add_option("--method", options->method, "the method for --input")->capture_default_str();
  verb->add_option(
      "-o,--output", options->output,
      "the file to write: .npy for --input, .png for the mask of a picture; several outputs or pictures add "
      "their names to it");
  verb->add_option("--overlay", options->overlay,
                   "the .png file to write with the picture and its mask or its boxes over it");
  verb->callback([options, verb] {
    check_form(*verb);
    isolate(options->model);
    options->min_score_given = verb->count("--min-score") > 0;
    if (options->pictures.empty()) {
      run_arrays(*options);
    } else {
      run_pictures(*options);
    }
  });
}

}  // namespace runner
