"""Errors that reach a user, each with the exit code of the command that met it."""


class PlmsError(Exception):
    """Base of every error with a message meant for the user: one line, which file, what is wrong, what to do."""

    exit_code = 1


class InputError(PlmsError):
    """Bad input or settings; nothing was started."""

    exit_code = 2


class ContractError(PlmsError):
    """A table does not follow its declaration under ``schemas/``."""

    exit_code = 1


class LockedError(PlmsError):
    """Another writer holds the store."""

    exit_code = 4


class SystemFailure(PlmsError):
    """Some recordings failed for reasons of the system (not of the data)."""

    exit_code = 1
