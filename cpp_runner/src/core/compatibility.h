// Which versions of the header and of the library fit together. The SONAME and edgekit-config-version.cmake say the
// same.
#pragma once

namespace edgekit {

struct Version {
  int major = 0;
  int minor = 0;
  int patch = 0;
};

// Whether a program that was compiled with a header of version `header` can use a library of version `library`: not an
// older one, and one with the same MAJOR. While MAJOR is 0, MINOR must be the same too.
constexpr bool fits(const Version& library, const Version& header) {
  if (library.major != header.major) return false;
  if (library.minor != header.minor) return library.major > 0 && library.minor > header.minor;
  return library.patch >= header.patch;
}

}  // namespace edgekit
