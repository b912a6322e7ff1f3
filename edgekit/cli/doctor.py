"""`edgekit doctor`."""

import argparse

from edgekit.cli.options import add_json
from edgekit.errors import DeviceError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    from edgekit.diagnosis import checks, is_ready
    from edgekit.report.console import print_checks
    from edgekit.report.documents import doctor_document

    found = checks()
    if options.json:
        print(doctor_document(found).to_json(), end="")
    else:
        print_checks(found)
    return 0 if is_ready(found) else DeviceError.exit_code
