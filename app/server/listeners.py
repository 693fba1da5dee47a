"""The listening sockets of the server, one for each process."""

import socket

BACKLOG = 2_048


def open_listeners(host: str, port: int, number: int) -> list[socket.socket]:
    """Return `number` sockets that listen on the same address. Raise `OSError` if another program uses it.

    Connections wait until a process accepts them.

    The kernel distributes the connections over the sockets (SO_REUSEPORT). With one shared socket, the process that is
    awake first would take most of them.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]

    def listening(*, shared: bool) -> socket.socket:
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if shared:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            listener.bind(address)
            listener.listen(BACKLOG)
        except OSError:
            listener.close()
            raise
        return listener

    if number == 1:
        return [listening(shared=False)]
    # Sockets that share an address would also share it with another server. One that does not finds the other server.
    listening(shared=False).close()
    return [listening(shared=True) for _ in range(number)]
