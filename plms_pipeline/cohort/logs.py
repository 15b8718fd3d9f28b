"""How much the libraries under a run may say on stderr: warnings, unless this package's own log is asked for more."""

import logging
from typing import NamedTuple

PACKAGE = "plms_pipeline"
# Set to INFO by its own import, so a level set before would not hold.
GX_LOGGER = "great_expectations.data_context.types.base"


class _AtLeast(NamedTuple):
    level: int

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= self.level


def library_level() -> int:
    """Level for libraries: that of this package's log where it is INFO or DEBUG, else WARNING."""
    own = logging.getLogger(PACKAGE).level
    return own if logging.NOTSET < own <= logging.INFO else logging.WARNING


def cluster_level() -> int:
    """Level for Dask: what befalls a worker is told by the outcome of its recordings, so only INFO and DEBUG ask."""
    level = library_level()
    return level if level <= logging.INFO else logging.CRITICAL


def quiet_expectations() -> None:
    """Hold Great Expectations to `library_level`."""
    logger = logging.getLogger(GX_LOGGER)
    for former in [one for one in logger.filters if isinstance(one, _AtLeast)]:
        logger.removeFilter(former)
    logger.addFilter(_AtLeast(library_level()))
