"""What a terminal gives to a program, the tests have too when they are run behind one."""

import signal


def pytest_configure():
    # A shell without job control lets what it starts in the background ignore Ctrl-C, and whatever that starts as well.
    signal.signal(signal.SIGINT, signal.default_int_handler)
