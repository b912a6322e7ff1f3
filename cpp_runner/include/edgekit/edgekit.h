/*
 * edgekit: runs edgekit packages (.ptl) and TorchScript models (.pt) where there is no Python.
 *
 * Rules that hold for every call:
 *  - A call that can fail returns ek_status; EK_OK is 0, the other values equal the exit codes of the tools. The text
 * of the latest failure in this thread is ek_last_error().
 *  - Out parameters come last and are written only on EK_OK, unless a call says otherwise. NULL for a required argument
 *    is EK_USAGE.
 *  - Handles are opaque. What a call makes, the caller destroys with the function named at the call; destroying NULL
 *    does nothing.
 *  - Structs that begin with struct_size are filled by their init function first, so that they can grow.
 *  - Threads: different models may run at the same time where their thread settings are the same; models with other
 *    settings take turns, since the pool is the process's. One model may be shared: its calls then wait for each other.
 *    The strings and specs of a model may be read from any thread. Destroy a model when no call on it is left.
 *  - Files are read during a call and not after it. Nobody may shorten a file while a call reads it.
 *  - No C++ exception leaves the library.
 */
#ifndef EDGEKIT_EDGEKIT_H_
#define EDGEKIT_EDGEKIT_H_

#include <stddef.h>
#include <stdint.h>

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
  EK_VERDICT_FAILED = 1, /* the answers differ from the original model's */
  EK_USAGE = 2,          /* the request is wrong: an argument, an input, a path */
  EK_BAD_PACKAGE = 3,    /* the model file is damaged, foreign, or too new */
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
  EK_DTYPE_WIDE = 0x7fffffff /* no dtype: makes the type hold what a newer or a wrong caller passes */
} ek_dtype;

typedef enum ek_pool {
  EK_POOL_AUTO = 0,         /* what the package's manifest names; without one, XNNPACK for .ptl and OpenMP for .pt */
  EK_POOL_XNNPACK = 1,      /* XNNPACK's pool has the threads, OpenMP and MKL one */
  EK_POOL_OPENMP = 2,       /* the other way round */
  EK_POOL_WIDE = 0x7fffffff /* no pool, as above */
} ek_pool;

typedef struct ek_model ek_model;   /* a loaded model */
typedef struct ek_values ek_values; /* named tensors: what a run gives back */

/* Row-major bytes in the machine's byte order; the caller of a function owns what it passes in. */
typedef struct ek_tensor {
  ek_dtype dtype;
  int32_t rank;
  const int64_t* shape; /* rank extents; may be NULL where rank is 0 */
  const void* data;
  size_t size_bytes;
} ek_tensor;

/* An input or output as the manifest describes it; every pointer lives as long as the model. */
typedef struct ek_spec {
  const char* name;
  ek_dtype dtype;
  int32_t rank;
  const int64_t* shape; /* -1 where any extent goes */
} ek_spec;

/* ---- Library ---- */

/* "MAJOR.MINOR.PATCH", static. */
EK_API const char* ek_version(void);

/* The text of this thread's latest failure, "" before the first; valid until the thread's next failure. */
EK_API const char* ek_last_error(void);

/* Frees a string that a call below gave out. */
EK_API void ek_string_free(char* text);

/* One JSON document with the operators that this build can run; *json is freed with ek_string_free. */
EK_API ek_status ek_operators(char** json);

/* One JSON document about a model file: kind, manifest, records. The model is not loaded, its digests are not checked.
 * *json is freed with ek_string_free. */
EK_API ek_status ek_inspect(const char* path, char** json);

/* ---- Loading ---- */

typedef struct ek_options {
  size_t struct_size;
  int32_t threads;         /* 1 to 1024; 0: what the manifest says, else as many as this process may use cores */
  ek_pool pool;            /* EK_POOL_AUTO */
  int32_t check_digests;   /* 1: every record's SHA-256 is checked before libtorch reads a byte */
  int32_t allow_nonfinite; /* 0: NaN and infinities in inputs and outputs are errors */
  int32_t optimize;        /* 1: freeze and optimize_for_inference a .pt after loading */
  void (*warn)(void* user, const char* message); /* NULL: warnings are dropped; called from the thread of the call */
  void* user;
} ek_options;

EK_API void ek_options_init(ek_options* options);

/* Loads a model file. `options` may be NULL for the defaults. *model is destroyed with ek_model_destroy. */
EK_API ek_status ek_model_load(const char* path, const ek_options* options, ek_model** model);
EK_API void ek_model_destroy(ek_model* model);

/* The manifest as JSON text; "" where the file has none. Lives as long as the model. */
EK_API const char* ek_model_manifest(const ek_model* model);

/* Input or output number `index` of a method; EK_USAGE beyond the last one, or where the file has no manifest. */
EK_API ek_status ek_model_input(const ek_model* model, const char* method, size_t index, ek_spec* spec);
EK_API ek_status ek_model_output(const ek_model* model, const char* method, size_t index, ek_spec* spec);

/* ---- Running ---- */

/* Runs a method on `count` inputs. They are read in place and not copied: a model that changes its input in place
 * changes the caller's bytes. *outputs is destroyed with ek_values_destroy. */
EK_API ek_status ek_model_run(ek_model* model, const char* method, const ek_tensor* inputs, size_t count,
                              ek_values** outputs);

EK_API size_t ek_values_count(const ek_values* values);
/* Value number `index` and its flattened name, both living as long as `values`. `name` may be NULL. */
EK_API ek_status ek_values_get(const ek_values* values, size_t index, ek_tensor* tensor, const char** name);
EK_API void ek_values_destroy(ek_values* values);

typedef struct ek_class {
  int64_t index;
  float score;
  const char* label; /* "" where the package has no label for it; lives as long as the model */
} ek_class;

typedef struct ek_predict_times {
  double decode_ms;
  double predict_ms;
} ek_predict_times;

/* Decodes a JPEG or PNG file and runs `predict`. *count is the room in `classes` on entry and the number of classes
 * written, best first, on return. `times` may be NULL. */
EK_API ek_status ek_model_predict(ek_model* model, const char* image_path, ek_class* classes, size_t* count,
                                  ek_predict_times* times);

/* ---- Proof and speed ---- */

/* Replays the package's golden cases. Gives EK_OK or EK_VERDICT_FAILED, and in both cases writes the verdict document,
 * which is freed with ek_string_free. */
EK_API ek_status ek_model_verify(ek_model* model, char** json);

typedef struct ek_bench_options {
  size_t struct_size;
  const char* method;      /* "forward" */
  int64_t iterations;      /* at least so many timed runs */
  double min_seconds;      /* and for at least so long */
  int64_t warmup;          /* untimed runs before them, after the first run */
  int32_t per_operator;    /* 1: a table of the time in each operator, from separate runs */
  const ek_tensor* inputs; /* NULL: the first golden case's inputs for the method */
  size_t input_count;
} ek_bench_options;

EK_API void ek_bench_options_init(ek_bench_options* options);

/* Times a method. `options` may be NULL. *json is freed with ek_string_free. */
EK_API ek_status ek_model_bench(ek_model* model, const ek_bench_options* options, char** json);

/* ---- Test tensors ---- */

/* Reads and writes numpy's .npy. *values holds one tensor named "0" and is destroyed with ek_values_destroy. A file
 * that exists is replaced only once the new one is complete. */
EK_API ek_status ek_npy_read(const char* path, ek_values** values);
EK_API ek_status ek_npy_write(const char* path, const ek_tensor* tensor);

/* The numbers of docs/format.md's generator. *values as in ek_npy_read. */
EK_API ek_status ek_generate(ek_dtype dtype, const int64_t* shape, int32_t rank, uint32_t seed, double low, double high,
                             ek_values** values);

#ifdef __cplusplus
}
#endif

#endif /* EDGEKIT_EDGEKIT_H_ */
