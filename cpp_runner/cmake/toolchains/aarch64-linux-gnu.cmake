# 64-bit ARM boards with glibc: Raspberry Pi 3, 4 and 5, Jetson. Another board copies this file and a preset.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)

# The oldest core of the list; qemu's default CPU would hide instructions that it lacks. Everything that runs comes from
# Debian's multiarch: the loader of the cross compiler's own C library beside multiarch's libc hangs at the first thread.
set(EDGEKIT_QEMU_CPU cortex-a53 CACHE STRING "The CPU that tests run on under qemu")
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -cpu ${EDGEKIT_QEMU_CPU})

# Debian's multiarch puts the board's libraries beside the host's, so only the host's own folder is left out.
set(CMAKE_IGNORE_PATH /usr/lib/${CMAKE_HOST_SYSTEM_PROCESSOR}-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
