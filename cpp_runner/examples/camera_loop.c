/* Names what is in the frames of a camera, without files: NV21 frames with padded rows, from a sensor that is turned by
 * 90 degrees. A made-up camera stands in for a real one: replace grab_frame.
 *
 *   camera_loop MODEL.ptl [FRAMES]
 */
#include <edgekit/edgekit.h>
#include <stdio.h>
#include <stdlib.h>

enum { WIDTH = 640, HEIGHT = 480, ROW_STRIDE = 704, CLASSES = 3, FRAMES = 10 };
enum { CHROMA_OFFSET = ROW_STRIDE * HEIGHT, FRAME_BYTES = CHROMA_OFFSET + ROW_STRIDE * HEIGHT / 2 };

static void check(ek_status status) {
  if (status == EK_OK) return;
  fprintf(stderr, "camera_loop: %s\n", ek_last_error());
  exit(status);
}

/* A gradient that moves with the number of the frame. */
static void grab_frame(int number, unsigned char* memory) {
  for (int y = 0; y < HEIGHT; ++y) {
    for (int x = 0; x < WIDTH; ++x) memory[y * ROW_STRIDE + x] = (unsigned char)(x + y + 8 * number);
  }
  for (int y = 0; y < HEIGHT / 2; ++y) {
    unsigned char* row = memory + CHROMA_OFFSET + y * ROW_STRIDE;
    for (int x = 0; x < WIDTH; x += 2) {
      row[x] = (unsigned char)(128 + 16 * (number % 4)); /* V */
      row[x + 1] = (unsigned char)(x / 4);               /* U */
    }
  }
}

static void describe(const unsigned char* memory, ek_frame* frame) {
  ek_frame_init(frame);
  frame->pixels = EK_PIXELS_NV21;
  frame->width = WIDTH;
  frame->height = HEIGHT;
  frame->rotation = 90;
  frame->planes[0].data = memory;
  frame->planes[0].size_bytes = CHROMA_OFFSET;
  frame->planes[0].row_stride = ROW_STRIDE;
  frame->planes[1].data = memory + CHROMA_OFFSET;
  frame->planes[1].size_bytes = FRAME_BYTES - CHROMA_OFFSET;
  frame->planes[1].row_stride = ROW_STRIDE;
}

int main(int argc, char** argv) {
  const int frames = argc > 2 ? atoi(argv[2]) : FRAMES;
  unsigned char* memory = malloc(FRAME_BYTES);
  ek_model* model = NULL;
  ek_run_options options;
  ek_frame frame;

  if (argc < 2 || frames < 1 || memory == NULL) {
    fprintf(stderr, "usage: camera_loop MODEL.ptl [FRAMES]\n");
    return EK_USAGE;
  }
  check(ek_check_version(EDGEKIT_VERSION_MAJOR, EDGEKIT_VERSION_MINOR, EDGEKIT_VERSION_PATCH));
  check(ek_model_load(argv[1], NULL, &model));
  ek_run_options_init(&options);
  options.deadline_ms = 10000; /* a frame that takes longer is an error */
  describe(memory, &frame);
  for (int number = 0; number < frames; ++number) {
    ek_class classes[CLASSES];
    size_t count = CLASSES;
    ek_predict_times times;
    grab_frame(number, memory);
    check(ek_model_predict_frame(model, &frame, &options, classes, &count, &times));
    printf("frame %d:", number);
    for (size_t i = 0; i < count; ++i) {
      printf(" %s (class %lld) %.3f%s", classes[i].label, (long long)classes[i].index, (double)classes[i].score,
             i + 1 < count ? "," : "");
    }
    printf("\n");
    fprintf(stderr, "%.1f ms conversion, %.1f ms predict\n", times.decode_ms, times.predict_ms);
  }
  ek_model_destroy(model);
  free(memory);
  return 0;
}
