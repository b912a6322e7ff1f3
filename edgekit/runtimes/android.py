"""Android's own PyTorch library, in a JVM process on this machine: what `android_demo/host-cli` builds."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgekit.errors import DeviceError, EdgekitError, PackageError, UsageError
from edgekit.format.archive import Archive
from edgekit.format.compare import Comparison
from edgekit.runtimes.base import CaseResult

_ROOT = Path(__file__).resolve().parents[2]
_LIBRARIES = _ROOT / "android_demo" / "host-cli" / "target" / "lib"
_JNI = _ROOT / "android_demo" / "aars" / "target" / "aar" / "jni"
_HOST_CACHE = _ROOT / "android_demo" / "host-cli" / "target" / "host"
_ARM64 = _ROOT / "build" / "android" / "arm64"
_ARM64_JAVA = _ARM64 / "root" / "usr" / "lib" / "jvm" / "java-17-openjdk-arm64" / "bin" / "java"
_FAILURES: dict[int, type[EdgekitError]] = {kind.exit_code: kind for kind in (UsageError, PackageError)}
_TIMEOUT_S = 1800


class AndroidRuntime:
    """Golden cases through `org.pytorch:pytorch_android_lite`, by the adapter and the comparison that the app has.

    Args:
        arm64: the library that phones have, under qemu and an arm64 Java; else the one for this machine's processor.
    """

    def __init__(self, *, arm64: bool = False) -> None:
        self.name = "android-arm64" if arm64 else "android"
        # The preloaded library keeps bionic's stack guard from being taken for glibc's thread-local variables.
        preload = f"LD_PRELOAD={_ARM64 / 'host' / 'libbionic_tls.so'}"
        qemu = ["qemu-aarch64", "-L", str(_ARM64 / "root"), "-E", preload, str(_ARM64_JAVA)]
        self._java = qemu if arm64 else ["java"]
        self._cache = _ARM64 / "host" if arm64 else _HOST_CACHE
        self._target = "android-runtime-arm64" if arm64 else "android-runtime"

    def built(self) -> bool:
        """Whether its make target has run in this checkout."""
        prepared = self._cache == _HOST_CACHE or self._cache.is_dir()
        return prepared and _LIBRARIES.is_dir() and all(map(shutil.which, (self._java[0], self._java[-1])))

    def selftest(self, archive: Archive) -> tuple[CaseResult, ...]:
        """Replays the golden cases in a new process.

        Raises:
            PackageError: Android's runtime refuses the package.
            DeviceError: it was not built, or does not run on this machine.
        """
        document = self._call("verify", archive.path)
        return tuple(
            CaseResult(runtime=self.name, case=row["case"], comparison=Comparison.from_row(row))
            for row in document["results"]
        )

    def bench(
        self,
        path: str | os.PathLike[str],
        *,
        method: str,
        iterations: int,
        warmup: int,
        min_seconds: float,
        threads: int | None = None,
    ) -> dict[str, Any]:
        """The bench document of a new process; `threads` None is what the app chooses. The peak of memory is the JVM's too.

        Raises:
            UsageError: the package has no golden case for the method to take inputs from.
            PackageError: Android's runtime refuses the package.
            DeviceError: it was not built, or does not run on this machine.
        """
        options = ["--method", method, "--iterations", iterations, "--warmup", warmup, "--min-seconds", min_seconds]
        return self._call("bench", Path(path), *options, *(("--threads", threads) if threads else ()))

    def classify(self, path: str | os.PathLike[str], photos: Sequence[Path], topk: int) -> dict[str, Any]:
        """What the app says of PNG files, as `edgekit run --json` says it; raises as `selftest` does."""
        return self._call("run", Path(path), "--topk", topk, *photos)

    def _call(self, verb: str, package: Path, *options: object) -> dict[str, Any]:
        if not self.built():
            raise DeviceError(
                f"runtime {self.name}: not built, or there is no java. In a checkout of edgekit: make {self._target}"
            )
        command = [
            *(*self._java, "-cp", f"{_LIBRARIES}/*", "dev.edgekit.hostcli.MainKt"),
            *(verb, str(_JNI), str(self._cache), str(package.resolve()), *map(str, options)),
        ]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
        except subprocess.TimeoutExpired as error:
            raise DeviceError(f"runtime {self.name}: no answer within {_TIMEOUT_S} s.") from error
        if done.returncode in (0, 1) and done.stdout:
            document: dict[str, Any] = json.loads(done.stdout)
            return document
        raise _FAILURES.get(done.returncode, DeviceError)(f"runtime {self.name}: {_reason(done)}")


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    """Its last words; a process that was killed has none of its own, but maybe warnings that have nothing to do with it."""
    if done.returncode < 0:
        return f"the process was ended by {signal.Signals(-done.returncode).name}"
    return (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
