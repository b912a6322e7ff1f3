/*
 * Bionic on arm64 keeps the stack protector's guard in a slot near the thread pointer, where glibc puts the thread-local
 * variables of whatever was loaded first; when such a variable changes, functions of Android's library believe that their stack
 * was smashed. Preloaded (LD_PRELOAD), this library is the first and its variable never changes.
 */
__thread char bionic_tls_slots[64];
