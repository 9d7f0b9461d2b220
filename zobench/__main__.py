"""Run the command line: the console script, and ``python -m zobench``."""

import signal


def main() -> None:
    """Run the command line; a Ctrl-C while it is being loaded ends the process without a word."""
    usual = signal.getsignal(signal.SIGINT)
    if usual is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from zobench.cli import main as command

    try:
        signal.signal(signal.SIGINT, usual)
        command()
    except KeyboardInterrupt:  # in the moment before the command line listens
        raise SystemExit(130) from None
    finally:
        # nor does one in Python's own clearing up make it complain
        if usual is signal.default_int_handler:
            signal.signal(signal.SIGINT, signal.SIG_IGN)


if __name__ == "__main__":
    main()
