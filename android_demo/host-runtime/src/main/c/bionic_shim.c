/*
 * Lets Android's own PyTorch library run in a desktop JVM on Linux with glibc: it stands in for bionic's libc.so where
 * glibc lacks a symbol or gives it another meaning. Everything else resolves to glibc, which this library links.
 *
 * For tests on a development machine only; nothing of this is part of the app.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <jni.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The real function of glibc behind one that this file redefines. */
static void *glibc_symbol(const char *name) {
  static void *libc;
  if (!libc) libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
  return dlsym(libc, name);
}
#define GLIBC(name) ((__typeof__(&name))glibc_symbol(#name))

/* Bionic before API 23 has its three standard streams in one array; other FILEs were opened by glibc and are glibc's. */
enum { BIONIC_FILE_SIZE = 152 };
char __sF[3 * BIONIC_FILE_SIZE];

static FILE *host_file(FILE *file) {
  if ((char *)file == __sF) return stdin;
  if ((char *)file == __sF + BIONIC_FILE_SIZE) return stdout;
  if ((char *)file == __sF + 2 * BIONIC_FILE_SIZE) return stderr;
  return file;
}

int fflush(FILE *file) { return GLIBC(fflush)(host_file(file)); }
int fputc(int c, FILE *file) { return GLIBC(fputc)(c, host_file(file)); }
int getc(FILE *file) { return GLIBC(getc)(host_file(file)); }
int ungetc(int c, FILE *file) { return GLIBC(ungetc)(c, host_file(file)); }
size_t fwrite(const void *data, size_t size, size_t count, FILE *file) {
  return GLIBC(fwrite)(data, size, count, host_file(file));
}
int vfprintf(FILE *file, const char *format, va_list args) { return GLIBC(vfprintf)(host_file(file), format, args); }
int fprintf(FILE *file, const char *format, ...) {
  va_list args;
  va_start(args, format);
  int written = vfprintf(file, format, args);
  va_end(args);
  return written;
}

int *__errno(void) { return &errno; }
size_t __strlen_chk(const char *text, size_t size) { (void)size; return strlen(text); }
/* Bionic's strerror_r is the POSIX one, glibc's of that name is GNU's. */
extern int __xpg_strerror_r(int error, char *buffer, size_t size);
int bionic_strerror_r(int error, char *buffer, size_t size) __asm__("strerror_r");
int bionic_strerror_r(int error, char *buffer, size_t size) { return __xpg_strerror_r(error, buffer, size); }

int __system_property_get(const char *name, char *value) { (void)name; *value = '\0'; return 0; }
void android_set_abort_message(const char *message) { GLIBC(fprintf)(stderr, "abort: %s\n", message); }

/* Bionic numbers the names of sysconf in its own way. */
long sysconf(int name) {
  switch (name) {
    case 0x27: case 0x28: return GLIBC(sysconf)(_SC_PAGESIZE);
    case 0x60: return GLIBC(sysconf)(_SC_NPROCESSORS_CONF);
    case 0x61: return GLIBC(sysconf)(_SC_NPROCESSORS_ONLN);
    case 0x62: return GLIBC(sysconf)(_SC_PHYS_PAGES);
    default: errno = EINVAL; return -1;
  }
}

/* A bionic mutex has 40 bytes; glibc's initializer would write 48 on arm64, its lock uses 40 on both. */
int pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes) {
  pthread_mutex_t whole;
  int error = GLIBC(pthread_mutex_init)(&whole, attributes);
  if (!error) memcpy(mutex, &whole, 40);
  return error;
}

/* In glibc this one lives in the static part of libc, so dlsym does not see it. */
extern int __register_atfork(void (*)(void), void (*)(void), void (*)(void), void *);
int pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void)) {
  return __register_atfork(prepare, parent, child, NULL);
}

int __android_log_vprint(int priority, const char *tag, const char *format, va_list args) {
  if (priority < 5 /* ANDROID_LOG_WARN */) return 0;
  GLIBC(fprintf)(stderr, "%s: ", tag ? tag : "android");
  int written = GLIBC(vfprintf)(stderr, format, args);
  GLIBC(fputc)('\n', stderr);
  return written;
}
int __android_log_print(int priority, const char *tag, const char *format, ...) {
  va_list args;
  va_start(args, format);
  int written = __android_log_vprint(priority, tag, format, args);
  va_end(args);
  return written;
}
int __android_log_write(int priority, const char *tag, const char *text) {
  return __android_log_print(priority, tag, "%s", text);
}
void __android_log_assert(const char *condition, const char *tag, const char *format, ...) {
  va_list args;
  va_start(args, format);
  if (format) __android_log_vprint(7 /* ANDROID_LOG_FATAL */, tag, format, args);
  else __android_log_print(7, tag, "assertion failed: %s", condition ? condition : "");
  va_end(args);
  abort();
}

/* There are no assets outside an APK: opening one fails as a missing asset does. */
void *AAssetManager_fromJava(void *env, void *manager) { (void)env; (void)manager; return NULL; }
void *AAssetManager_open(void *manager, const char *name, int mode) { (void)manager; (void)name; (void)mode; return NULL; }
const void *AAsset_getBuffer(void *asset) { (void)asset; return NULL; }
long AAsset_getLength(void *asset) { (void)asset; return 0; }
void AAsset_close(void *asset) { (void)asset; }

/*
 * Opens the libraries beside this one before the JVM does. With RTLD_DEEPBIND they find libc++_shared's exceptions and
 * this file's functions first; bound globally, a C++ exception would reach the libstdc++ of the JVM and abort it.
 */
JNIEXPORT jint JNICALL JNI_OnLoad(JavaVM *vm, void *reserved) {
  (void)reserved;
  static const char *const libraries[] = {"libc++_shared.so", "libfbjni.so", "libpytorch_jni_lite.so"};
  JNIEnv *env;
  Dl_info self;
  if ((*vm)->GetEnv(vm, (void **)&env, JNI_VERSION_1_6) != JNI_OK || !dladdr((void *)JNI_OnLoad, &self)) return JNI_ERR;
  int folder = (int)(strrchr(self.dli_fname, '/') - self.dli_fname);
  for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
    char path[4096];
    snprintf(path, sizeof path, "%.*s/%s", folder, self.dli_fname, libraries[i]);
    if (dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND)) continue;
    jclass error = (*env)->FindClass(env, "java/lang/UnsatisfiedLinkError");
    if (error) (*env)->ThrowNew(env, error, dlerror());
    return JNI_ERR;
  }
  return JNI_VERSION_1_6;
}
