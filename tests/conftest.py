"""For every test: OpenMP at one thread, as on the command line, before anything imports torch."""

from edgekit.threads import prepare_process

prepare_process()
