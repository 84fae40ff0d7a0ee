"""Why a bench could not be run to its end; each text says what happened or where to look."""


class BenchFailed(Exception):
    """The bench cannot go on, or its figures would be worth nothing."""


class CallRefused(BenchFailed):
    """The service refused what it should have taken, or did not answer."""
