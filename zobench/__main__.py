"""Run the command line: the console script, and ``python -m zobench``."""

# `signal` itself loads a dozen modules first, during which a Ctrl-C would already be a traceback
import _signal
import os
import sys


def main() -> None:
    """Run the command line; a Ctrl-C while it is being loaded ends the process without a word."""
    usual = _signal.getsignal(_signal.SIGINT)
    ours = usual is _signal.default_int_handler
    if ours:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    for name in "stdout", "stderr":  # closed by the caller (`>&-`)
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # for the life of the process
    from zobench.cli.main import main as command

    try:
        if ours:
            _signal.signal(_signal.SIGINT, usual)
        command()
    except KeyboardInterrupt:  # in the moment before the command line listens
        raise SystemExit(130) from None
    finally:
        if ours:  # nor does one in Python's own clearing up make it complain
            _signal.signal(_signal.SIGINT, _signal.SIG_IGN)


if __name__ == "__main__":
    main()
