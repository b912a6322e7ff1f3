#include <cstdio>
#include <exception>

#include "common.h"

namespace {

int fail(int exit_code, const std::string& message) {
  std::fflush(stdout);
  std::fprintf(stderr, "edgekit-runner: %s\n", message.c_str());
  return exit_code;
}

// A full disk or a closed pipe shows itself only when the buffer is written.
int finish() {
  return std::fflush(stdout) == 0 ? EK_OK : fail(EK_USAGE, "the output cannot be written");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Runs, times and proves edgekit packages and TorchScript models.", "edgekit-runner");
  app.set_version_flag("--version", ek_version());
  app.require_subcommand(1);
  runner::setup_info(app);
  runner::setup_run(app);
  runner::setup_classify(app);
  runner::setup_bench(app);
  runner::setup_selftest(app);
  runner::setup_ops(app);
  try {
    app.parse(argc, argv);
    return finish();
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    return fail(EK_USAGE, std::string(error.what()) + "; see edgekit-runner --help");
  } catch (const runner::Failure& failure) {
    return fail(failure.exit_code, failure.message);
  } catch (const std::exception& error) {
    return fail(EK_BUG, std::string("a bug of edgekit-runner: ") + error.what());
  }
}
