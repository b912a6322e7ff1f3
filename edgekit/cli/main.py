"""The command line: one file for each verb, and what holds for all of them."""

import argparse
import errno
import importlib
import io
import logging
import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from types import FrameType, ModuleType
from typing import NoReturn

from edgekit.cli.isolate import isolated, memory_error
from edgekit.cli.public_key import check_signature
from edgekit.errors import EXIT_BUG, DeviceError, EdgekitError, UsageError, printable
from edgekit.installed import torch_trouble
from edgekit.threads import prepare_process
from edgekit.version import __version__

VERBS = {
    "export": "export a model to a verified package",
    "verify": "check that a package gives the original model's answers on each runtime",
    "inspect": "show what is in a package, without torch",
    "compat": "show which runtimes have every operator of a package, without torch",
    "ops": "list the operators that a runtime can run, without torch",
    "run": "run a package on pictures or arrays",
    "evaluate": "compare a package with the original model on pictures",
    "bench": "time a package on each runtime",
    "sign": "sign a package in place with a private key, without torch",
    "build-runner": "build the C++ runner for this machine, for --runtime native",
    "sweep": "export many models, here or on a Dask cluster, and tabulate the results",
    "models": "list the models that can be exported by name",
    "doctor": "show what this machine has for edgekit, and what it lacks",
    "workshop": "show, make or remove the environment for torch without XNNPACK",
}
_OWN_OPTIONS = ("--version",)  # of edgekit itself, which no verb has
_EXIT_INTERRUPTED = 130
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\nTry: {self.prog} --help\n")


class _VerbParser(_Parser):
    """Takes options before, between and after the positionals, which argparse's subparsers do not by themselves."""

    _intermixing = False

    def parse_known_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def]  # it has three overloads
        if self._intermixing:
            return super().parse_known_args(args, namespace)
        self._intermixing = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._intermixing = False


class _PrintCompletion(argparse.Action):
    def __call__(self, parser, _namespace, shell, _option=None) -> None:  # type: ignore[no-untyped-def]  # as argparse calls it
        from edgekit.cli.completion import completion_script

        print(completion_script(_parser(VERBS), shell))
        parser.exit()


def _parser(verbs: Collection[str]) -> _Parser:
    """The parser, with the arguments of these verbs; the other verbs' files need not be read."""
    parser = _Parser(
        prog="edgekit",
        description="PyTorch models to phones and embedded boards, with proof that the answers stay the same.",
        epilog="exit codes: 0 pass, 1 a verdict failed, 2 usage, 3 bad model or package, 4 runtime or device, 70 our bug",
    )
    parser.add_argument("--version", action="version", version=f"edgekit {__version__}")
    parser.add_argument(
        "--print-completion",
        action=_PrintCompletion,
        choices=("bash", "zsh", "fish"),
        metavar="SHELL",
        help="print the completion script for bash, zsh or fish",
    )
    common = _VerbParser(add_help=False)
    common.add_argument(
        "-v", "--verbose", action="store_true", help="show more messages on stderr, and tracebacks of errors"
    )
    common.add_argument("-q", "--quiet", action="store_true", help="show only errors on stderr")
    subparsers = parser.add_subparsers(dest="verb", metavar="VERB", required=True, parser_class=_VerbParser)
    for name, about in VERBS.items():
        child = subparsers.add_parser(
            name, help=about, description=about[0].upper() + about[1:] + ".", parents=[common]
        )
        if name in verbs:
            _module(name).add_arguments(child)
    return parser


def _module(verb: str) -> ModuleType:
    return importlib.import_module(f"edgekit.cli.{verb.replace('-', '_')}")


def _verb_first(arguments: list[str]) -> tuple[str | None, list[str]]:
    """The verb, and the arguments with the options that stand before it moved behind it."""
    index = next((index for index, word in enumerate(arguments) if word in VERBS), None)
    if index is None:
        return None, arguments
    before, after = arguments[:index], arguments[index + 1 :]
    of_edgekit = [word for word in before if word in _OWN_OPTIONS]
    return arguments[index], [
        *of_edgekit,
        arguments[index],
        *(word for word in before if word not in of_edgekit),
        *after,
    ]


def main(argv: list[str] | None = None) -> int:
    """Runs the command line and returns its exit code."""
    arguments = sys.argv[1:] if argv is None else argv
    prepare_process()
    _prepare_output()
    verb, arguments = _verb_first(arguments)
    with _interruptible():
        try:
            options = _parser([verb] if verb else []).parse_args(arguments)
            with _messages(options.verbose, options.quiet):
                check_signature(options)
                code = isolated(options, arguments) if hasattr(options, "isolate") else None
                return _run(options) if code is None else code
        except EdgekitError as error:
            print(f"edgekit: {printable(str(error))}", file=sys.stderr)
            if "options" in locals() and options.verbose:
                traceback.print_exc()
            return error.exit_code
        except KeyboardInterrupt:
            print("edgekit: interrupted; nothing was written", file=sys.stderr)
            return _EXIT_INTERRUPTED
        except BrokenPipeError:
            _drop_stdout()  # the reader has closed the pipe
            return 0
        except Exception:
            traceback.print_exc()
            print(
                f"edgekit: this is a bug of edgekit {__version__}; please report it with the lines above",
                file=sys.stderr,
            )
            return EXIT_BUG


def _run(options: argparse.Namespace) -> int:
    """Runs a verb. What the machine lacks is not a bug: it gets a message, wherever it shows."""
    try:
        code: int = _module(options.verb).run(options)
        sys.stdout.flush()
        return code
    except MemoryError as error:
        raise memory_error(f"out of memory ({str(error) or 'no details'}). Use a smaller input or model.") from error
    except ImportError as error:
        if not (trouble := torch_trouble()):
            raise
        raise DeviceError(trouble) from error
    except OSError as error:
        if error.errno not in _FULL:
            raise
        _drop_stdout()  # or the interpreter would fail on it once more as it ends
        raise UsageError(f"the output cannot be written: {error.strerror}. Free some disk space.") from error


def _prepare_output() -> None:
    """A closed output takes nothing, and one whose encoding lacks a character gets an escape instead."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: PTH123, SIM115  a device, for the whole process
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _drop_stdout() -> None:
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123  a device, not a path of the user's
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


@contextmanager
def _interruptible() -> Iterator[None]:
    """SIGTERM ends the work as Ctrl-C does, so that temporary files go."""
    if threading.current_thread() is not threading.main_thread():  # Python allows no handlers elsewhere
        yield
        return
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


class _PrintableFormatter(logging.Formatter):
    """Escapes control characters: a message may have names of files, which must not control a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


@contextmanager
def _messages(verbose: bool, quiet: bool) -> Iterator[None]:
    """Shows edgekit's log on stderr. Torch's warnings are hidden, because a user cannot act on them."""
    log, handler = logging.getLogger("edgekit"), logging.StreamHandler(sys.stderr)
    handler.setFormatter(_PrintableFormatter("edgekit: %(message)s"))
    before = log.level, log.propagate
    log.addHandler(handler)
    log.propagate = False
    log.setLevel(logging.INFO if verbose else logging.ERROR if quiet else logging.WARNING)
    try:
        with warnings.catch_warnings():
            if not verbose:
                warnings.simplefilter("ignore")
            yield
    finally:
        log.removeHandler(handler)
        log.level, log.propagate = before


def entry() -> NoReturn:
    """The installed command."""
    sys.exit(main())
