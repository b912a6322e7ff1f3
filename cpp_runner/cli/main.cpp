#include "command_line.h"
#include "isolate.h"

int main(int argc, char** argv) {
  runner::enter_isolation(&argc, &argv);
  return runner::run_command_line(argc, argv);
}
