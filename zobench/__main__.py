"""Run the command line as ``python -m zobench``."""

from zobench.cli import main

if __name__ == "__main__":
    main()
