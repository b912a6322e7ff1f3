/*
 * edgekit: runs edgekit packages (.ptl) and TorchScript models (.pt) without Python.
 *
 * Rules for every call:
 *  - A call that can fail returns ek_status. EK_OK is 0; the other values equal the exit codes of the tools.
 *    ek_last_error() is the message of the latest failure in the calling thread, and ek_model_last_error() that of a
 *    model.
 *  - Out parameters come last. They are written only on EK_OK, unless documented otherwise. NULL for a required
 * argument is EK_USAGE.
 *  - Handles are opaque. The caller destroys what a call creates, with the function named at the call; destroying NULL
 *    does nothing. Destroying a handle twice, or using it afterwards, is undefined, as with free().
 *  - A struct that begins with struct_size is first filled by its init function, so that it can grow. A program with an
 *    older header has a shorter struct, and its missing fields have their defaults. A longer struct of a newer header
 * is accepted while the fields that the library does not know are zero. Every other size is EK_USAGE.
 *  - Threads: different models run at the same time if their thread settings are the same; with different settings
 *    they take turns, because the thread pool belongs to the process. Threads may share a model; its calls run one at a
 *    time. Any thread may read the strings and specs of a model, and stop it. Destroy a model after its last call has
 *    returned. A call leaves the number of OpenMP and MKL threads of its thread as it was; signal handlers, the locale,
 *    the environment and the affinity are never changed. libtorch's XNNPACK pool keeps the threads of the last run.
 *  - Files are read only during a call. A file must not become shorter while a call reads it.
 *  - No C++ exception leaves the library.
 */
#ifndef EDGEKIT_EDGEKIT_H_
#define EDGEKIT_EDGEKIT_H_

#include <stddef.h>
#include <stdint.h>

#include "edgekit/version.h" /* EDGEKIT_VERSION_MAJOR, _MINOR, _PATCH; EDGEKIT_VERSION is the text */

#if defined(__GNUC__)
#define EK_API __attribute__((visibility("default")))
#else
#define EK_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ek_status {
  EK_OK = 0,
  EK_VERDICT_FAILED = 1, /* the answers differ from those of the original model, or the package cannot prove them */
  EK_USAGE = 2,          /* a wrong argument, input or path */
  EK_BAD_PACKAGE = 3,    /* the model file is damaged, not a model, or too new */
  EK_RUNTIME = 4,        /* the runtime or the device failed */
  EK_BUG = 70            /* a bug of edgekit: please report it */
} ek_status;

typedef enum ek_dtype {
  EK_FLOAT32 = 0,
  EK_FLOAT64 = 1,
  EK_UINT8 = 2,
  EK_INT8 = 3,
  EK_INT32 = 4,
  EK_INT64 = 5,
  EK_BOOL = 6,
  EK_DTYPE_WIDE = 0x7fffffff /* not a dtype: makes the enum wide enough for invalid values */
} ek_dtype;

typedef enum ek_pool {
  EK_POOL_AUTO = 0,         /* that of the manifest; without one, XNNPACK for .ptl and OpenMP for .pt */
  EK_POOL_XNNPACK = 1,      /* XNNPACK has the threads; OpenMP and MKL have one */
  EK_POOL_OPENMP = 2,       /* OpenMP and MKL have the threads; XNNPACK has one */
  EK_POOL_WIDE = 0x7fffffff /* not a pool, as above */
} ek_pool;

typedef struct ek_model ek_model;   /* a loaded model */
typedef struct ek_values ek_values; /* named tensors: the result of a run */

/* Row-major bytes in the byte order of the machine. The caller owns the tensors that it passes. */
typedef struct ek_tensor {
  ek_dtype dtype;
  int32_t rank;
  const int64_t* shape; /* `rank` extents; may be NULL if rank is 0 */
  const void* data;
  size_t size_bytes;
} ek_tensor;

/* An input or output as the manifest describes it. The pointers are valid as long as the model. */
typedef struct ek_spec {
  const char* name;
  ek_dtype dtype;
  int32_t rank;
  const int64_t* shape; /* -1 where several sizes are valid: see ek_model_input_axis */
} ek_spec;

/* The sizes of an axis of an input that a run accepts: the multiples of `multiple` from `min` to `max`. */
typedef struct ek_axis {
  size_t struct_size;
  int64_t min; /* equal to max if the axis has one size */
  int64_t max; /* INT64_MAX if `proved` is 0 */
  int64_t multiple;
  const char* symbol; /* axes of a method with the same symbol have equal sizes in a run; NULL if there is none */
  int32_t proved;     /* 0: the package proves no range of this axis, so a run accepts any size */
} ek_axis;

/* ---- Library ---- */

/* "MAJOR.MINOR.PATCH" of the library, static. EDGEKIT_VERSION is that of the header. */
EK_API const char* ek_version(void);

/* Whether this library serves a program that was compiled with the header of a version; pass EDGEKIT_VERSION_MAJOR,
 * EDGEKIT_VERSION_MINOR and EDGEKIT_VERSION_PATCH. EK_USAGE if it does not: the library is older, or has another MAJOR,
 * or MAJOR is 0 and it has another MINOR. The SONAME and find_package follow the same rule. */
EK_API ek_status ek_check_version(int32_t major, int32_t minor, int32_t patch);

/* The message of the latest failure in this thread; "" before the first. Valid until the next failure in this thread.
 */
EK_API const char* ek_last_error(void);

/* Makes malloc keep freed memory for later runs. Otherwise glibc returns the large tensors of each run to the system,
 * and the next run faults them in again page by page. This is a setting of the process, so the library does it only
 * here; edgekit-runner calls it. The process keeps the most memory that a run has used. EK_RUNTIME if the C library is
 * not glibc. */
EK_API ek_status ek_keep_freed_memory(void);

/* Frees a string that one of the calls below created. */
EK_API void ek_string_free(char* text);

/* A JSON document with the operators that this build can run. Free *json with ek_string_free. */
EK_API ek_status ek_operators(char** json);

/* A JSON document about a model file: kind, manifest, records. Does not load the model and does not check its digests.
 * Free *json with ek_string_free. */
EK_API ek_status ek_inspect(const char* path, char** json);

/* What identifies the content of a model file, in hex: the SHA-256 of its manifest, which has the digests of all other
 * records; without a manifest, that of the whole file. Does not load the model and does not check its digests. Free
 * *hex with ek_string_free. */
EK_API ek_status ek_fingerprint(const char* path, char** hex);

/* Checks that the owner of a key signed a package, and then its digests; nothing in it is parsed before. `public_key`
 * is the text of a PEM file with an Ed25519 public key. EK_BAD_PACKAGE if the file is not signed by this key, or was
 * changed; EK_USAGE if the text is not such a key. Does not load the model: see `public_key` of ek_options. */
EK_API ek_status ek_check_signature(const char* path, const char* public_key);

/* ---- Loading ---- */

typedef struct ek_options {
  size_t struct_size;
  int32_t threads;         /* 1 to 1024; 0: that of the manifest, else the number of cores that this process may use */
  ek_pool pool;            /* EK_POOL_AUTO */
  int32_t check_digests;   /* 1: the SHA-256 of every record is checked before libtorch reads the file */
  int32_t allow_nonfinite; /* 0: NaN in inputs, and NaN and infinities in outputs, are errors */
  int32_t optimize;        /* 1: freeze and optimize_for_inference a .pt after loading */
  void (*warn)(void* user, const char* message); /* NULL: no warnings; called in the thread of the call */
  void* user;
  const char* public_key; /* NULL: any file. The text of a PEM file with an Ed25519 public key: the file must be signed
                             by it, which is checked before it is parsed; check_digests then counts as 1 */
} ek_options;

/* Fills options with the defaults. The macro passes the size of the struct in this header. The function below it is for
 * programs that find it by name: it fills the struct of version 0.1.0. */
EK_API void ek_options_init_sized(ek_options* options, size_t struct_size);
EK_API void ek_options_init(ek_options* options);
#define ek_options_init(options) ek_options_init_sized(options, sizeof(ek_options))

/* Loads a model file. `options` may be NULL for the defaults. Destroy *model with ek_model_destroy.
 *
 * The file is mapped into memory while this call or ek_inspect reads it. If another program cuts it short meanwhile,
 * SIGBUS ends the process; if it writes into the file, the checks and libtorch may see different bytes. Replace a model
 * file by renaming a new one over it, never by writing into it. Afterwards the model does not use the file. */
EK_API ek_status ek_model_load(const char* path, const ek_options* options, ek_model** model);
/* The same for a file in memory, which is only read, and only during the call. */
EK_API ek_status ek_model_load_memory(const void* data, size_t size_bytes, const ek_options* options, ek_model** model);

EK_API void ek_model_destroy(ek_model* model);

/* The message of the latest failed call on the model, in any thread; "" before the first. Valid until the next call of
 * this function in this thread, also when other threads fail meanwhile. */
EK_API const char* ek_model_last_error(const ek_model* model);

/* The name of method number `index`; NULL beyond the last one. Valid as long as the model. */
EK_API const char* ek_model_method(const ek_model* model, size_t index);

/* The manifest as JSON text; "" if the file has none. Valid as long as the model. */
EK_API const char* ek_model_manifest(const ek_model* model);

/* Input or output number `index` of a method. EK_USAGE beyond the last one, or if the file has no manifest. */
EK_API ek_status ek_model_input(const ek_model* model, const char* method, size_t index, ek_spec* spec);
EK_API ek_status ek_model_output(const ek_model* model, const char* method, size_t index, ek_spec* spec);

/* As for ek_options. */
EK_API void ek_axis_init_sized(ek_axis* axis, size_t struct_size);
EK_API void ek_axis_init(ek_axis* axis);
#define ek_axis_init(axis) ek_axis_init_sized(axis, sizeof(ek_axis))

/* Axis number `axis` of input number `index`. First fill *range with ek_axis_init. Its symbol is valid as long as the
 * model. */
EK_API ek_status ek_model_input_axis(const ek_model* model, const char* method, size_t index, int32_t axis,
                                     ek_axis* range);

/* ---- Running ---- */

/* Runs a method on `count` inputs. A size that an axis does not accept is EK_USAGE. The inputs are read where they are.
 * A package of format 2 does not write them, which export checks; a file without a manifest may. Destroy *outputs with
 * ek_values_destroy. */
EK_API ek_status ek_model_run(ek_model* model, const char* method, const ek_tensor* inputs, size_t count,
                              ek_values** outputs);

typedef struct ek_run_options {
  size_t struct_size;
  double deadline_ms; /* the longest duration of the call, with the wait for its turn; 0: no limit */
} ek_run_options;

/* As for ek_options. */
EK_API void ek_run_options_init_sized(ek_run_options* options, size_t struct_size);
EK_API void ek_run_options_init(ek_run_options* options);
#define ek_run_options_init(options) ek_run_options_init_sized(options, sizeof(ek_run_options))

/* ek_model_run with options, which may be NULL. EK_RUNTIME if the deadline passes; the message names it. The model can
 * run again. ek_model_stop says when a run ends. */
EK_API ek_status ek_model_run_with(ek_model* model, const char* method, const ek_tensor* inputs, size_t count,
                                   const ek_run_options* options, ek_values** outputs);

/* Memory of the caller for one output, and what was written there. */
enum { EK_MOST_AXES = 8 };
typedef struct ek_buffer {
  void* data;
  size_t capacity_bytes;
  ek_dtype dtype;    /* must be that of the output */
  int32_t rank;      /* from here on written by the call */
  size_t size_bytes; /* at most the capacity */
  int64_t shape[EK_MOST_AXES];
} ek_buffer;

/* ek_model_run_with that copies the outputs, in their order, to memory of the caller. EK_USAGE if their number is not
 * buffer_count, or a buffer is too small or has another dtype; the message names the output and the sizes. Nothing is
 * written unless all outputs fit. */
EK_API ek_status ek_model_run_into(ek_model* model, const char* method, const ek_tensor* inputs, size_t count,
                                   const ek_run_options* options, ek_buffer* buffers, size_t buffer_count);

/* Ends the calls that run, verify or time the model at the moment, or wait for their turn: they return EK_RUNTIME, and
 * their message names the stop. Later calls are not affected. May be called from any thread, and does not wait.
 *
 * A run ends before its next operator, so an operator that has begun is finished. In a .pt file also a group of fused
 * operators is finished, and a loop that computes with plain numbers only. A call that waits behind another model with
 * other thread settings ends when its turn comes. Loading is not stopped. */
EK_API void ek_model_stop(ek_model* model);

EK_API size_t ek_values_count(const ek_values* values);
/* Value number `index` and its flattened name; both are valid as long as `values`. `name` may be NULL. */
EK_API ek_status ek_values_get(const ek_values* values, size_t index, ek_tensor* tensor, const char** name);
EK_API void ek_values_destroy(ek_values* values);

typedef struct ek_class {
  int64_t index;
  float score;
  const char* label; /* "" if the package has no label for it; valid as long as the model */
} ek_class;

typedef struct ek_predict_times {
  double decode_ms;
  double predict_ms;
} ek_predict_times;

/* Decodes a JPEG or PNG file and runs `predict`. A JPEG is decoded at the smallest of 1/1, 1/2, 1/4 and 1/8 that leaves
 * its shorter side at least twice `image.resize` of the manifest. The file is read into memory before it is decoded, so
 * it may be written meanwhile; a half-written one is refused as damaged. Standard input (/dev/stdin) is read to its
 * end; named pipes and devices are refused. On entry *count is the capacity of `classes`; on return it is the number of
 * classes written, best first. `times` may be NULL. */
EK_API ek_status ek_model_predict(ek_model* model, const char* image_path, ek_class* classes, size_t* count,
                                  ek_predict_times* times);

typedef enum ek_pixels {
  EK_PIXELS_RGB = 0, /* 3 or 4 bytes a pixel, in the order of the name; alpha is ignored */
  EK_PIXELS_BGR = 1,
  EK_PIXELS_RGBA = 2,
  EK_PIXELS_BGRA = 3,
  EK_PIXELS_GREY = 4,         /* 1 byte a pixel */
  EK_PIXELS_NV12 = 5,         /* planes: Y, then U and V in turn for 2 x 2 pixels */
  EK_PIXELS_NV21 = 6,         /* planes: Y, then V and U in turn */
  EK_PIXELS_I420 = 7,         /* planes: Y, U, V */
  EK_PIXELS_YUV420 = 8,       /* the same, as YUV_420_888 of Android: the strides say where the pixels are */
  EK_PIXELS_WIDE = 0x7fffffff /* not a format, as above */
} ek_pixels;

typedef struct ek_plane {
  const void* data;
  size_t size_bytes;   /* the last row may end with its last pixel */
  size_t row_stride;   /* bytes from a row to the next; 0: rows follow each other */
  size_t pixel_stride; /* bytes from a pixel to the next; 0: pixels follow each other */
} ek_plane;

/* A frame of a camera or a video. The caller owns the planes. Widths and heights of U and V are halves, rounded up.
 *
 * Y, U and V are BT.601 with the full range of 0 to 255, as Android's cameras and JPEG files have them: red is
 * Y + 1.402 (V - 128), green Y - 0.344136 (U - 128) - 0.714136 (V - 128), blue Y + 1.772 (U - 128), with the factors
 * in steps of 1/65536, rounded to the nearest and limited to 0 and 255. Each U and V counts for its 2 x 2 pixels. */
typedef struct ek_frame {
  size_t struct_size;
  ek_pixels pixels;
  int32_t width; /* of the frame in memory, before the rotation */
  int32_t height;
  int32_t crop_left; /* the part that is used, before the rotation; all four 0: the whole frame */
  int32_t crop_top;
  int32_t crop_width;
  int32_t crop_height;
  int32_t rotation; /* 0, 90, 180 or 270 degrees clockwise make the picture upright */
  int32_t mirror;   /* 1: left and right are exchanged after the rotation, as for a front camera */
  ek_plane planes[3];
} ek_frame;

/* As for ek_options. The defaults are 0. */
EK_API void ek_frame_init_sized(ek_frame* frame, size_t struct_size);
EK_API void ek_frame_init(ek_frame* frame);
#define ek_frame_init(frame) ek_frame_init_sized(frame, sizeof(ek_frame))

/* The upright RGB picture of a frame, one value uint8 [height, width, 3]: the input of `predict` of any package.
 * Destroy *picture with ek_values_destroy. EK_USAGE if a plane is too small for its strides; the message names it. */
EK_API ek_status ek_frame_picture(const ek_frame* frame, ek_values** picture);

/* ek_model_predict for a frame instead of a file. decode_ms is the time of the conversion. `options` may be NULL. */
EK_API ek_status ek_model_predict_frame(ek_model* model, const ek_frame* frame, const ek_run_options* options,
                                        ek_class* classes, size_t* count, ek_predict_times* times);

/* ek_model_predict for a package whose `predict` gives the class of each pixel: `image.task` of the manifest is "mask".
 * Writes the mask to a PNG file whose palette indices are the classes, and the picture with the mask over it to
 * another; both paths may be NULL. *mask gets one value, uint8 [H, W], unless `mask` is NULL; destroy it with
 * ek_values_destroy. */
EK_API ek_status ek_model_segment(ek_model* model, const char* image_path, const char* mask_path,
                                  const char* overlay_path, ek_values** mask, ek_predict_times* times);

/* The same for a detector: `image.task` of the manifest is "boxes". Gives at most `most` boxes with a score of at least
 * `min_score`, best first, and writes the picture with them to a PNG file unless `overlay_path` is NULL. *boxes gets
 * three values, unless `boxes` is NULL: "boxes" float32 [K, 4] (left, top, right, bottom in pixels of the picture),
 * "labels" int64 [K] and "scores" float32 [K]; destroy it with ek_values_destroy. */
EK_API ek_status ek_model_detect(ek_model* model, const char* image_path, double min_score, size_t most,
                                 const char* overlay_path, ek_values** boxes, ek_predict_times* times);

/* The label of a class; "" if the package has none for it. Valid as long as the model. */
EK_API const char* ek_model_label(const ek_model* model, int64_t index);

/* ---- Verifying and timing ---- */

/* Replays the golden cases of the package. Writes the verdict document on EK_OK and on EK_VERDICT_FAILED. `unproven` in
 * its context lists the outputs that a wrong model could give too; with any of them the verdict is EK_VERDICT_FAILED.
 * Free *json with ek_string_free. */
EK_API ek_status ek_model_verify(ek_model* model, char** json);

typedef struct ek_bench_options {
  size_t struct_size;
  const char* method;      /* "forward" */
  int64_t iterations;      /* the smallest number of timed runs */
  double min_seconds;      /* the shortest time for them */
  int64_t warmup;          /* untimed runs between the first run and the timed ones */
  int32_t per_operator;    /* 1: adds the time in each operator, from separate runs */
  const ek_tensor* inputs; /* NULL: those of the first golden case of the method */
  size_t input_count;
} ek_bench_options;

/* As for ek_options. */
EK_API void ek_bench_options_init_sized(ek_bench_options* options, size_t struct_size);
EK_API void ek_bench_options_init(ek_bench_options* options);
#define ek_bench_options_init(options) ek_bench_options_init_sized(options, sizeof(ek_bench_options))

/* Times a method. `options` may be NULL. Free *json with ek_string_free. */
EK_API ek_status ek_model_bench(ek_model* model, const ek_bench_options* options, char** json);

/* ---- Test tensors ---- */

/* Reads and writes .npy files of numpy. *values has one tensor, named "0"; destroy it with ek_values_destroy. An
 * existing file is replaced only when the new one is complete. */
EK_API ek_status ek_npy_read(const char* path, ek_values** values);
EK_API ek_status ek_npy_write(const char* path, const ek_tensor* tensor);

/* The numbers of the generator in docs/format.md. *values as in ek_npy_read. */
EK_API ek_status ek_generate(ek_dtype dtype, const int64_t* shape, int32_t rank, uint32_t seed, double low, double high,
                             ek_values** values);

#ifdef __cplusplus
}
#endif

#endif /* EDGEKIT_EDGEKIT_H_ */
