"""Addresses of Ray clusters: which one is meant, and whether anything answers there."""

from __future__ import annotations

import os
import socket
from typing import Final

_PATIENCE: Final = 10.0


def address_of(given: str | None) -> str | None:
    """Return the address of the cluster that is meant; None for one that is to be started."""
    return given or os.environ.get("RAY_ADDRESS") or None


def fault_of(address: str | None) -> str:
    """Return why nothing can be at an address; "" if something answers there, or it has no port.

    Ray itself looks for minutes.

    >>> fault_of("auto"), fault_of("127.0.0.1:none")
    ('', "expected auto, HOST:PORT or ray://HOST:PORT, got '127.0.0.1:none'")
    """
    host, separator, port = (address or "").removeprefix("ray://").rpartition(":")
    if not separator:
        return ""
    if not port.isdecimal():
        return f"expected auto, HOST:PORT or ray://HOST:PORT, got {address!r}"
    try:
        socket.create_connection((host.strip("[]"), int(port)), _PATIENCE).close()
    except (OSError, OverflowError) as error:
        return f"no Ray cluster answers at {address}: {getattr(error, 'strerror', None) or error}"
    return ""
