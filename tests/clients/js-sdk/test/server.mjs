// A server of the test's own, which it may kill. The executable is named by IM2_BINARY.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after } from "node:test";

const started = new Set();

after(async () => {
    for (const server of started) {
        await server.end("SIGKILL");
        await rm(server.folder, { recursive: true, force: true });
    }
});

/** A process that serves a folder, and serves it again at the same address after it has ended. */
export class Server {
    static async start() {
        const server = new Server();
        server.folder = await mkdtemp(join(tmpdir(), "im2-client-test-"));
        server.bind = "127.0.0.1:0";
        started.add(server);
        await server.start();
        server.bind = new URL(server.baseUrl).host;
        return server;
    }

    async start() {
        const binary = process.env.IM2_BINARY;
        assert.ok(binary, "IM2_BINARY names the executable");
        this.process = spawn(binary, ["serve"], {
            cwd: this.folder,
            env: {
                IM2_DATA_DIR: "data",
                IM2_HTTP__BIND: this.bind,
                IM2_METRICS__BIND: "[]",
                IM2_RATE_LIMITS__ENABLED: "false",
                IM2_REGISTRATION__MODE: "open",
            },
            stdio: ["ignore", "pipe", "ignore"],
        });
        this.ended = once(this.process, "exit");
        const [line] = await once(createInterface(this.process.stdout), "line");
        this.baseUrl = line.match(/^IM2 is ready on (\S+)/)[1];
    }

    /** Ends the process with this signal. */
    async end(signal) {
        this.process.kill(signal);
        await this.ended;
    }

    /** Ends the process with this signal and starts it again. */
    async restart(signal) {
        await this.end(signal);
        await this.start();
    }
}

/** Somebody's way to the server. While it is cut no request gets there, and the answers that are on their way are lost. */
export class Line {
    isCut = false;

    /** For a client's option `fetchFn`. */
    fetch = async (...request) => {
        const check = () => assert.ok(!this.isCut, "the line is cut");
        check();
        const answer = await fetch(...request);
        check();
        return answer;
    };
}
