"""Why the demo could not be played to its end; each text says what to do or where to look."""


class DemoFailed(Exception):
    """The demo cannot go on."""


class DatabaseTaken(DemoFailed):
    """The database holds somebody's stores already; the demo does not touch it."""


class CallFailed(DemoFailed):
    """The service refused what it should have taken, or did not answer."""
