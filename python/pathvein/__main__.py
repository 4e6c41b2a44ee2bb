"""``python -m pathvein``: the command line."""

from pathvein.cli import main

main()
