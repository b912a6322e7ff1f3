/* The header compiles as C, and the library works without a model. The checks do not use assert, because NDEBUG removes
 * it. */
#include <edgekit/edgekit.h>
#include <stdio.h>
#include <string.h>

static int failures = 0;

static void expect(int condition, const char* what) {
  if (condition) return;
  fprintf(stderr, "failed: %s (%s)\n", what, ek_last_error());
  ++failures;
}

static void check_errors(void) {
  ek_model* model = NULL;
  expect(ek_model_load("no-such-file.ptl", NULL, &model) == EK_BAD_PACKAGE && model == NULL, "a missing file");
  expect(strstr(ek_last_error(), "no-such-file.ptl") != NULL, "the message names the file");
  expect(ek_model_load(NULL, NULL, &model) == EK_USAGE, "a NULL path");
  expect(ek_model_run(NULL, "forward", NULL, 0, NULL) == EK_USAGE, "a NULL model");
  expect(ek_values_get(NULL, 0, NULL, NULL) == EK_USAGE, "NULL values");
  ek_model_destroy(NULL);
  ek_values_destroy(NULL);
  ek_string_free(NULL);
}

static void check_options(void) {
  ek_options options;
  ek_model* model = NULL;
  ek_options_init(&options);
  expect(options.struct_size == sizeof(options) && options.check_digests == 1, "the defaults");
  options.struct_size = sizeof(options) - 8;
  expect(ek_model_load("x.ptl", &options, &model) == EK_USAGE, "a struct that is cut short");
  ek_options_init(&options);
  options.public_key = "text";
  expect(ek_model_load("x.ptl", &options, &model) == EK_USAGE, "a text that is not a public key");
  expect(ek_check_signature("x.ptl", "text") == EK_USAGE, "the same without a model");
  expect(ek_check_signature(NULL, "text") == EK_USAGE, "a NULL path");
}

/* A program with a newer header: its struct has one more field. */
static void check_newer_struct(void) {
  struct {
    ek_options known;
    int64_t added;
  } newer;
  ek_model* model = NULL;
  newer.added = -1;
  ek_options_init_sized(&newer.known, sizeof(newer));
  expect(newer.known.struct_size == sizeof(newer) && newer.added == 0, "a new field is zero");
  expect(ek_model_load("no-such-file.ptl", &newer.known, &model) == EK_BAD_PACKAGE, "a new field that is zero");
  newer.added = 1;
  expect(ek_model_load("no-such-file.ptl", &newer.known, &model) == EK_USAGE, "a new field that is set");
  expect(strstr(ek_last_error(), "leave the fields of the newer header at 0") != NULL, "the message says what to do");
  newer.added = 7;
  (ek_options_init)(&newer.known);
  expect(newer.added == 7 && newer.known.check_digests == 1, "the function by name writes only what 0.1.0 has");
}

static void check_version(void) {
  const int32_t major = EDGEKIT_VERSION_MAJOR, minor = EDGEKIT_VERSION_MINOR, patch = EDGEKIT_VERSION_PATCH;
  expect(strcmp(ek_version(), EDGEKIT_VERSION) == 0, "the version of header and library");
  expect(ek_check_version(major, minor, patch) == EK_OK, "this header");
  expect(ek_check_version(major, minor, patch + 1) == EK_USAGE, "a newer header");
  expect(strstr(ek_last_error(), EDGEKIT_VERSION) != NULL, "the message names the version of the library");
  expect(ek_check_version(major + 1, 0, 0) == EK_USAGE, "a header of the next major version");
}

static void check_calls_of_a_null_model(void) {
  ek_buffer buffer;
  ek_class classes[1];
  ek_frame frame;
  ek_run_options options;
  size_t count = 1;
  memset(&buffer, 0, sizeof(buffer));
  ek_run_options_init(&options);
  ek_frame_init(&frame);
  expect(options.struct_size == sizeof(options) && options.deadline_ms == 0.0, "no deadline");
  expect(frame.struct_size == sizeof(frame) && frame.planes[2].data == NULL, "an empty frame");
  ek_model_stop(NULL);
  expect(strcmp(ek_model_last_error(NULL), "") == 0, "the message of a NULL model");
  expect(ek_model_method(NULL, 0) == NULL, "the methods of a NULL model");
  expect(ek_model_run_into(NULL, "forward", NULL, 0, &options, &buffer, 1) == EK_USAGE, "a run of a NULL model");
  expect(ek_model_predict_frame(NULL, &frame, &options, classes, &count, NULL) == EK_USAGE, "a frame for a NULL model");
}

static void check_frames(void) {
  const unsigned char pixels[6] = {1, 2, 3, 4, 5, 6};
  ek_frame frame;
  ek_tensor tensor;
  ek_values* picture = NULL;
  ek_frame_init(&frame);
  frame.pixels = EK_PIXELS_BGR;
  frame.width = 1;
  frame.height = 2;
  frame.rotation = 90;
  frame.planes[0].data = pixels;
  frame.planes[0].size_bytes = sizeof(pixels);
  expect(ek_frame_picture(&frame, &picture) == EK_OK, "a picture of a frame");
  expect(ek_values_get(picture, 0, &tensor, NULL) == EK_OK && tensor.rank == 3, "its tensor");
  expect(tensor.shape[0] == 1 && tensor.shape[1] == 2 && tensor.shape[2] == 3, "it is turned");
  expect(memcmp(tensor.data, "\6\5\4\3\2\1", 6) == 0, "it is RGB");
  ek_values_destroy(picture);
  frame.planes[0].size_bytes = 5;
  expect(ek_frame_picture(&frame, &picture) == EK_USAGE, "a plane that is too small");
  expect(strstr(ek_last_error(), "plane 0 of the frame has 5 bytes; expected at least 6") != NULL, "its message");
  frame.pixels = (ek_pixels)99;
  expect(ek_frame_picture(&frame, &picture) == EK_USAGE, "unknown pixels");
  frame.struct_size -= 8;
  expect(ek_frame_picture(&frame, &picture) == EK_USAGE && strstr(ek_last_error(), "struct_size") != NULL,
         "a cut frame");
  expect(ek_frame_picture(NULL, &picture) == EK_USAGE, "a NULL frame");
}

static void check_axes(void) {
  ek_axis axis;
  ek_axis_init(&axis);
  expect(axis.struct_size == sizeof(axis), "the size of an axis");
  expect(ek_model_input_axis(NULL, "forward", 0, 0, &axis) == EK_USAGE, "an axis of a NULL model");
  expect(ek_model_input_axis(NULL, "forward", 0, 0, NULL) == EK_USAGE, "a NULL axis");
}

static void check_tensors(void) {
  const int64_t shape[2] = {2, 3};
  ek_values* values = NULL;
  ek_tensor tensor;
  const char* name = NULL;
  expect(ek_generate(EK_FLOAT32, shape, 2, 1, -2.0, 2.0, &values) == EK_OK, "generating");
  expect(ek_values_count(values) == 1, "one value");
  expect(ek_values_get(values, 0, &tensor, &name) == EK_OK && strcmp(name, "0") == 0, "its name");
  expect(tensor.rank == 2 && tensor.shape[1] == 3 && tensor.size_bytes == 24, "its shape");
  expect(ek_values_get(values, 1, &tensor, NULL) == EK_USAGE, "a value beyond the last");
  tensor.size_bytes = 5;
  expect(ek_npy_write("never-written.npy", &tensor) == EK_USAGE, "bytes that do not fit the shape");
  ek_values_destroy(values);
  expect(ek_generate((ek_dtype)99, shape, 2, 1, 0.0, 1.0, &values) == EK_USAGE, "an unknown dtype");
}

int main(void) {
  check_version();
  check_errors();
  check_options();
  check_newer_struct();
  check_calls_of_a_null_model();
  check_frames();
  expect(ek_keep_freed_memory() == EK_OK, "the setting of the allocator");
  check_axes();
  check_tensors();
  return failures == 0 ? 0 : 1;
}
