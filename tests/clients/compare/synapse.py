"""A Synapse of the test's own: SQLite in a folder, on a free loopback port, without rate limits."""

import socket
import subprocess
import sys
import time
from pathlib import Path

import requests

SHARED_SECRET = "a secret of the tests"
START_SECONDS = 90
CONFIGURATION = """
server_name: localhost
pid_file: {folder}/synapse.pid
listeners:
  - {{port: {port}, type: http, bind_addresses: ["127.0.0.1"], resources: [{{names: [client, media]}}]}}
database: {{name: sqlite3, args: {{database: {folder}/synapse.db}}}}
log_config: {folder}/log.yaml
media_store_path: {folder}/media
signing_key_path: {folder}/signing.key
registration_shared_secret: "{secret}"
enable_registration: true
enable_registration_without_verification: true
suppress_key_server_warning: true
report_stats: false
trusted_key_servers: []
public_baseurl: http://127.0.0.1:{port}/
room_list_publication_rules: [{{action: allow}}]
allow_public_rooms_without_auth: true
user_directory: {{enabled: true, search_all_users: false}}
experimental_features:
  msc3575_enabled: true
rc_message: {fast}
rc_registration: {fast}
rc_login: {{address: {fast}, account: {fast}, failed_attempts: {fast}}}
rc_joins: {{local: {fast}, remote: {fast}}}
rc_invites: {{per_room: {fast}, per_user: {fast}, per_issuer: {fast}}}
rc_room_creation: {fast}
"""
LOGGING = "{version: 1, disable_existing_loggers: false, root: {level: WARNING, handlers: [out]}, handlers: {out: {class: logging.StreamHandler}}}"
FAST = "{per_second: 100000, burst_count: 100000}"


class Synapse:
    """A process that answers at `url` until it is stopped."""

    def __init__(self, folder: Path):
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}"
        (folder / "log.yaml").write_text(LOGGING)
        configuration = folder / "homeserver.yaml"
        configuration.write_text(CONFIGURATION.format(folder=folder, port=port, secret=SHARED_SECRET, fast=FAST))
        command = [sys.executable, "-m", "synapse.app.homeserver", "-c", str(configuration)]
        subprocess.run([*command, "--generate-keys"], check=True, cwd=folder)
        self.log = folder / "synapse.log"
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            assert self.process.poll() is None, f"Synapse ended: {self.log.read_text()[-3000:]}"
            try:
                if requests.get(self.url + "/health", timeout=5).ok:
                    return
            except requests.ConnectionError:
                time.sleep(0.1)
        raise AssertionError(f"Synapse did not start in {START_SECONDS} s: {self.log.read_text()[-3000:]}")

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
