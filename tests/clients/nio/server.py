"""A server of the test's own, which it may kill. The executable is named by IM2_BINARY."""

import os
import signal
import subprocess
import tempfile

BINARY = os.environ.get("IM2_BINARY")
READY = "IM2 is ready on "


class Server:
    """A process that serves a folder, and serves it again at the same address after it has ended."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="im2-client-test-")
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
        self.process = subprocess.Popen(
            [BINARY, "serve"],
            cwd=self.folder.name,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        line = self.process.stdout.readline()
        assert line.startswith(READY), f"the server says {line!r}"
        self.url = line.removeprefix(READY).strip()

    def end(self, how: signal.Signals) -> None:
        self.process.send_signal(how)
        self.process.wait()
        self.process.stdout.close()

    def restart(self, how: signal.Signals) -> None:
        """Ends the process with this signal and starts it again."""
        self.end(how)
        self.start()

    def close(self) -> None:
        self.end(signal.SIGKILL)
        self.folder.cleanup()
