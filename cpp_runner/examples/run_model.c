/* Loads a package, runs `forward` on generated numbers, and prints the first values of each output.
 *
 *   run_model MODEL.ptl
 */
#include <edgekit/edgekit.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST_INPUTS = 8, MOST_AXES = 8, FREE_EXTENT = 64, SHOWN = 5 };

static void check(ek_status status) {
  if (status == EK_OK) return;
  fprintf(stderr, "run_model: %s\n", ek_last_error());
  exit(status);
}

/* The smallest size of an axis that is not fixed. Where no range was proved, 1 for the first axis, else FREE_EXTENT. */
static int64_t choose_size(const ek_model* model, size_t input, int32_t index) {
  ek_axis axis;
  ek_axis_init(&axis);
  check(ek_model_input_axis(model, "forward", input, index, &axis));
  if (!axis.proved) return index == 0 ? 1 : FREE_EXTENT;
  return (axis.min + axis.multiple - 1) / axis.multiple * axis.multiple;
}

static ek_values* make_input(const ek_model* model, size_t input, const ek_spec* spec) {
  int64_t shape[MOST_AXES];
  ek_values* values = NULL;
  if (spec->rank > MOST_AXES) {
    fprintf(stderr, "run_model: input %s has more than %d axes, the limit of this example\n", spec->name, MOST_AXES);
    exit(EK_USAGE);
  }
  for (int32_t i = 0; i < spec->rank; ++i) {
    shape[i] = spec->shape[i] >= 0 ? spec->shape[i] : choose_size(model, input, i);
  }
  check(ek_generate(spec->dtype, shape, spec->rank, 1, 0.0, 1.0, &values));
  return values;
}

static void print_output(const char* name, const ek_tensor* tensor) {
  printf("%s:", name);
  if (tensor->dtype == EK_FLOAT32) {
    const float* numbers = tensor->data;
    const size_t count = tensor->size_bytes / sizeof(float);
    for (size_t i = 0; i < count && i < SHOWN; ++i) printf(" %g", (double)numbers[i]);
  } else {
    printf(" %zu bytes", tensor->size_bytes);
  }
  printf("\n");
}

int main(int argc, char** argv) {
  ek_model* model = NULL;
  ek_values *inputs[MOST_INPUTS], *outputs = NULL;
  ek_tensor tensors[MOST_INPUTS];
  ek_spec spec;
  size_t count = 0;

  if (argc != 2) {
    fprintf(stderr, "usage: run_model MODEL.ptl\n");
    return EK_USAGE;
  }
  check(ek_model_load(argv[1], NULL, &model));
  while (count < MOST_INPUTS && ek_model_input(model, "forward", count, &spec) == EK_OK) {
    inputs[count] = make_input(model, count, &spec);
    check(ek_values_get(inputs[count], 0, &tensors[count], NULL));
    ++count;
  }
  check(ek_model_run(model, "forward", tensors, count, &outputs));
  for (size_t i = 0; i < ek_values_count(outputs); ++i) {
    ek_tensor output;
    const char* name = NULL;
    check(ek_values_get(outputs, i, &output, &name));
    print_output(name, &output);
  }

  ek_values_destroy(outputs);
  for (size_t i = 0; i < count; ++i) ek_values_destroy(inputs[i]);
  ek_model_destroy(model);
  return 0;
}
