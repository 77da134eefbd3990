"""`python -m contractgen.cli`: the same command where the script is not on the path."""

from contractgen.cli.main import run

run()
