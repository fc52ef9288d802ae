"""What all tests want of the process that runs them."""

from __future__ import annotations

import signal

# Whatever is started in the background may ignore Ctrl-C, and hands that on to what it starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
