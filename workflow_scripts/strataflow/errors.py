"""The one exception that a user is meant to read."""


class StrataflowError(Exception):
    """Wrong input. The message is one line and names the file or the setting."""
