"""Starts LocalStack on loopback only: it listens on every address, whatever GATEWAY_LISTEN says."""

import runpy
import socket

bind = socket.socket.bind


def on_loopback(self, address):
    """Binds to 127.0.0.1 where every IPv4 address was meant, and to ::1 in place of every IPv6 one."""
    if self.family == socket.AF_INET:
        address = ("127.0.0.1", address[1])
    elif self.family == socket.AF_INET6:
        address = ("::1", *address[1:])
    return bind(self, address)


socket.socket.bind = on_loopback
runpy.run_module("localstack.runtime.main", run_name="__main__")
