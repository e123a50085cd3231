"""Command line: flags that several scripts share, and the `strataflow` command."""
