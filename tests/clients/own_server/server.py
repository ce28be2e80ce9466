"""A server of a test's own, which it may end, kill and start again. The executable is named by IM2_BINARY."""

import os
import signal
import subprocess
from pathlib import Path

BINARY = os.environ.get("IM2_BINARY")
READY = "IM2 is ready on "


class Server:
    """A process that serves a folder, and serves it again at the same address after it has ended.

    A registration file of an application service is read when the server starts, so it is given here.
    """

    def __init__(self, folder: Path, registration: str | None = None):
        self.folder = folder
        self.registration = registration
        if registration is not None:
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
        }
        if self.registration is not None:
            environment["IM2_APP_SERVICE__REGISTRATION_FILES"] = "registration.yaml"
        with open(self.folder / "im2.log", "a") as log:
            self.process = subprocess.Popen(
                [BINARY, "serve"], cwd=self.folder, env=environment, stdout=subprocess.PIPE, stderr=log, text=True
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
