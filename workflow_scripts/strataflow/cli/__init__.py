"""The command line: flags that several scripts share."""
