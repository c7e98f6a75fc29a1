"""``python tests/fork_caller.py SOCKET MODULE`` stands in for ``python -m MODULE``, without importing torch.

The fork server runs the module with the streams, the folder and the environment of this process, which ends as that
does. Nothing is imported here but what is needed for it.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys


def main() -> None:
    path, module = sys.argv[1:]
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(path)
        born = {"module": module, "folder": os.getcwd(), "env": dict(os.environ)}
        socket.send_fds(server, [json.dumps(born).encode() + b"\n"], [0, 1, 2])
        for descriptor in range(3):
            os.close(descriptor)
        code = server.recv(16)
    if not code:
        os.kill(os.getpid(), signal.SIGKILL)
    os._exit(int(code))


if __name__ == "__main__":
    main()
