"""A server of the test's own, with a registration file, which it may end and start again.

The executable is named by IM2_BINARY: a registration is read when a server starts, so the tests cannot use one that
somebody else runs.
"""

import os
import signal
import subprocess
from pathlib import Path

READY = "IM2 is ready on "


class Server:
    """A process that serves a folder, and serves it again at the same address after it has ended."""

    def __init__(self, folder: Path, registration: str):
        self.folder = folder
        (folder / "registration.yaml").write_text(registration)
        self.bind = "127.0.0.1:0"
        self.start()
        self.bind = self.url.removeprefix("http://")

    def start(self) -> None:
        environment = {
            "IM2_DATA_DIR": "data",
            "IM2_HTTP__BIND": self.bind,
            "IM2_METRICS__BIND": "[]",
            "IM2_RATE_LIMITS__ENABLED": "false",
            "IM2_REGISTRATION__MODE": "open",
            "IM2_APP_SERVICE__REGISTRATION_FILES": "registration.yaml",
        }
        with open(self.folder / "im2.log", "a") as log:
            self.process = subprocess.Popen(
                [os.environ["IM2_BINARY"], "serve"],
                cwd=self.folder,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        line = self.process.stdout.readline()
        assert line.startswith(READY), f"the server says {line!r}: {(self.folder / 'im2.log').read_text()}"
        self.url = line.removeprefix(READY).strip()

    def end(self, how: signal.Signals) -> None:
        self.process.send_signal(how)
        self.process.wait()
        self.process.stdout.close()

    def restart(self, how: signal.Signals) -> None:
        """Ends the process with this signal and starts it again."""
        self.end(how)
        self.start()
