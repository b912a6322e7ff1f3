// Runs a command on a file that nobody vouches for in a process of its own: this program, started again. libtorch
// crashes or hangs on some damaged files; there, this becomes an error with a name. That process does the whole
// command, so that this one never loads the file. It writes a byte to a pipe after each step, and a step that takes too
// long ends it.
#pragma once

namespace runner {

struct Failure;
struct ModelOptions;

// Thrown where the isolated process has done the work; main returns its exit code.
struct Isolated {
  int exit_code;
};

// Called first in main. In the isolated process it removes the arguments that made it one.
void enter_isolation(int* argc, char*** argv);
[[nodiscard]] bool is_isolated();

// Runs the command in an isolated process where the options or the file ask for it, and throws Isolated or Failure.
void isolate(const ModelOptions& options);

// These do nothing outside of the isolated process. After the last step there is no limit of time.
void report_step();
void report_last_step();
// Limits what libtorch allocates from now on.
void limit_memory();

// The exit code of a failure: in the isolated process, too much memory is the file's fault.
[[nodiscard]] int isolated_code(const Failure& failure);

}  // namespace runner
