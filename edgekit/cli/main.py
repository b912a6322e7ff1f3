"""The command line: one file a verb, and the promises that hold for all of them."""

import argparse
import importlib
import logging
import os
import signal
import sys
import traceback
import warnings
from types import FrameType
from typing import NoReturn

from edgekit.errors import EXIT_BUG, EdgekitError
from edgekit.threads import prepare_process
from edgekit.version import __version__

VERBS = {
    "export": "make a verified package of a model",
    "verify": "replay a package's golden cases, and say pass or fail",
    "inspect": "show what is in a package, without torch",
    "run": "run a package on pictures or arrays",
    "models": "list the models that can be exported by name",
}
_EXIT_INTERRUPTED = 130


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\nTry: {self.prog} --help\n")


def _parser(verb: str | None) -> _Parser:
    parser = _Parser(
        prog="edgekit",
        description="PyTorch models to phones and embedded boards, with proof that the answers stay the same.",
        epilog="exit codes: 0 pass, 1 a verdict failed, 2 usage, 3 bad model or package, 4 runtime or device, 70 our bug",
    )
    parser.add_argument("--version", action="version", version=f"edgekit {__version__}")
    common = _Parser(add_help=False)
    common.add_argument("-v", "--verbose", action="store_true", help="tell more on stderr, with tracebacks")
    common.add_argument("-q", "--quiet", action="store_true", help="errors alone on stderr")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True, parser_class=_Parser)
    for name, about in VERBS.items():
        child = verbs.add_parser(name, help=about, description=about[0].upper() + about[1:] + ".", parents=[common])
        if name == verb:  # the other verbs' files need not be read
            importlib.import_module(f"edgekit.cli.{name}").add_arguments(child)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Runs the command line and returns its exit code."""
    arguments = sys.argv[1:] if argv is None else argv
    prepare_process()
    signal.signal(signal.SIGTERM, _interrupt)
    verb = next((word for word in arguments if word in VERBS), None)
    try:
        options = _parser(verb).parse_args(arguments)
        _set_up_logging(options.verbose, options.quiet)
        code: int = importlib.import_module(f"edgekit.cli.{options.verb}").run(options)
        sys.stdout.flush()
        return code
    except EdgekitError as error:
        print(f"edgekit: {error}", file=sys.stderr)
        if "options" in locals() and options.verbose:
            traceback.print_exc()
        return error.exit_code
    except KeyboardInterrupt:
        print("edgekit: interrupted; nothing was written", file=sys.stderr)
        return _EXIT_INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has gone, and wants no more
        return 0
    except Exception:
        traceback.print_exc()
        print(
            f"edgekit: this is a bug of edgekit {__version__}; please report it with the lines above", file=sys.stderr
        )
        return EXIT_BUG


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _set_up_logging(verbose: bool, quiet: bool) -> None:
    level = logging.INFO if verbose else logging.ERROR if quiet else logging.WARNING
    logging.basicConfig(level=logging.WARNING, format="edgekit: %(message)s", stream=sys.stderr)
    logging.getLogger("edgekit").setLevel(level)
    if not verbose:
        warnings.simplefilter("ignore")  # torch's own, of which a user can act on none


def entry() -> NoReturn:
    """The installed command."""
    sys.exit(main())
