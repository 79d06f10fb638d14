"""Errors that stop a load."""


class LoadError(Exception):
    """The message is shown to the user."""

    exit_code = 1


class InvalidInput(LoadError):
    """Raised before anything is written."""

    exit_code = 2


class AnotherLoad(LoadError):
    exit_code = 3
