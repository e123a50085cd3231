"""`python -m strataflow` is the command `strataflow`."""

from .cli.main import main

main()
