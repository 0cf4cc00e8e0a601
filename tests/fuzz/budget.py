# SPDX-License-Identifier: GPL-3.0-or-later
"""How much is tried: little in `make test`, other examples and more of them in `make fuzz`."""

import os

from hypothesis import HealthCheck, settings

LONG_VARIABLE = "ISOBOOTH_FUZZ_SECONDS"  # set by `make fuzz`; the native fuzzers read its value

_LONG = LONG_VARIABLE in os.environ


def fuzz(brief: int, long: int | None = None) -> settings:
    """Decorates a test with its number of examples. The brief run tries the same ones each time,
    so that a change fails for what it did; what a long run finds becomes an `@example`."""
    return settings(
        max_examples=(long or 20 * brief) if _LONG else brief,
        derandomize=not _LONG,
        database=None,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
