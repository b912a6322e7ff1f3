"""Android's own PyTorch library, in a JVM process on this machine: what `android_demo/host-cli` builds."""

import shutil

from edgekit.errors import DeviceError
from edgekit.runtimes.checkout import ROOT, how_to_build
from edgekit.runtimes.hosts import Host, Qemu, ThisMachine
from edgekit.runtimes.process import ProcessRuntime

_LIBRARIES = ROOT / "android_demo" / "host-cli" / "target" / "lib"
_JNI = ROOT / "android_demo" / "aars" / "target" / "aar" / "jni"
_CACHE = ROOT / "android_demo" / "host-cli" / "target" / "host"
_ARM64 = ROOT / "build" / "android" / "arm64"
_ARM64_JAVA = _ARM64 / "root" / "usr" / "lib" / "jvm" / "java-17-openjdk-arm64" / "bin" / "java"


class AndroidRuntime(ProcessRuntime):
    """`org.pytorch:pytorch_android_lite`, by the adapter and the comparison that the app has.

    Bench's peak of memory is the JVM's too.

    Args:
        arm64: the library that phones have, under qemu and an arm64 Java; else the one for this machine's processor.
    """

    def __init__(
        self, *, name: str = "android", make_target: str = "android-runtime", arm64: bool = False, java: str = "java"
    ) -> None:
        host: Host = Qemu(machine="aarch64", root=str(_ARM64 / "root")) if arm64 else ThisMachine()
        super().__init__(name, host)
        self._make_target = make_target
        self._arm64 = arm64
        self._java = str(_ARM64_JAVA) if arm64 else java
        self._cache = _ARM64 / "host" if arm64 else _CACHE

    def missing(self) -> str:
        if not _LIBRARIES.is_dir() or (self._arm64 and not self._cache.is_dir()):
            return f"runtime {self.name} is not built. {how_to_build(self._make_target)}"
        if shutil.which(self._java) is None:
            return f"runtime {self.name} needs {self._java}, which is not on this machine. Install Java 17."
        return self.host.missing()

    def command(self, verb: str, package: str = "") -> list[str]:
        if why := self.missing():
            raise DeviceError(why)
        program = [self._java, "-cp", f"{_LIBRARIES}/*", "dev.edgekit.hostcli.MainKt"]
        return [*program, verb, str(_JNI), str(self._cache), package]

    def environment(self) -> dict[str, str]:
        # The preloaded library keeps bionic's stack guard apart from glibc's thread-local variables.
        return {"LD_PRELOAD": str(_ARM64 / "host" / "libbionic_tls.so")} if self._arm64 else {}
