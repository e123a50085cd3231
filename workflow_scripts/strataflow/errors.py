"""The exception for errors that users can correct."""


class StrataflowError(Exception):
    """Invalid input. The message is one line and names the file or the setting."""
