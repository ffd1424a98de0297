/** Starts the service and PostgreSQL from this checkout, runs the tests, and ends both. */

import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { fileURLToPath } from "node:url";

import { freePorts } from "./servers.js";
import { until } from "./waiting.js";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const ROOT = resolve(HERE, "../../../..");
const PYTHON = join(ROOT, ".venv/bin/python");
const FILE_DEADLINE_MS = 600_000;
// Started by the test suite's own means, which ends it with this process.
const START_POSTGRESQL = `
import pathlib, sys
from tests.services import start_postgres
server = start_postgres(pathlib.Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.read()
server.terminate()
server.wait()
`;

const folder = mkdtempSync(join(tmpdir(), "invenicum-clients-"));
const port = await freePorts(); // the second is for the receiver of manage.py run
const environment: NodeJS.ProcessEnv = {
    ...process.env,
    DATA_DIR: join(folder, "data"),
    PORT: String(port),
    INVENICUM_JWT_SECRET: randomBytes(32).toString("hex"),
    OAUTH_DROPBOX_CLIENT_ID: "a-client",
    OAUTH_DROPBOX_CLIENT_SECRET: "a-secret",
};
for (const name of ["DATABASE_URL", "CELERY_BROKER_URL", "PUBLIC_URL", "EGRESS_ALLOW", "DEBUG"])
    delete environment[name];

function start(name: string, ready: string, ...command: string[]): { process: ChildProcess; isReady: Promise<void> } {
    const file = join(folder, name);
    const log = openSync(file, "w");
    const child = spawn(PYTHON, command, { cwd: ROOT, env: environment, stdio: ["pipe", log, log] });
    closeSync(log);
    const isReady = until(`${name} is ready`, () => {
        if (child.exitCode !== null) throw new Error(`${name} ended:\n${readFileSync(file, "utf8")}`);
        return readFileSync(file, "utf8").includes(ready);
    });
    return { process: child, isReady };
}

const service = start("service", "Ctrl-C stops everything", "manage.py", "run");
const postgresql = start("postgresql", "ready", "-c", START_POSTGRESQL, join(folder, "database"));
try {
    await Promise.all([service.isReady, postgresql.isReady]);
    const scopes = ["--scope", "events:write", "--scope", "events:publish-any"];
    const token = execFileSync(PYTHON, ["manage.py", "issue_token", "backend", ...scopes], {
        cwd: ROOT,
        env: environment,
    });
    Object.assign(process.env, {
        SERVICE_URL: `http://127.0.0.1:${port}`,
        SERVICE_TOKEN: token.toString().trim(),
        INVENICUM_JWT_SECRET: environment["INVENICUM_JWT_SECRET"],
        POSTGRESQL_FOLDER: join(folder, "database"),
    });
    const files = readdirSync(HERE)
        .filter((name) => name.endsWith(".test.js"))
        .map((name) => join(HERE, name));
    const tests = run({ files, timeout: FILE_DEADLINE_MS, concurrency: 2 });
    tests.on("test:fail", () => (process.exitCode = 1));
    for await (const text of tests.compose(new spec())) process.stdout.write(text);
} finally {
    service.process.kill("SIGINT");
    postgresql.process.stdin?.end();
    for (const { process: child } of [service, postgresql]) {
        await until("a server has ended", () => child.exitCode !== null || child.signalCode !== null);
    }
    if (process.exitCode) console.error(readFileSync(join(folder, "service"), "utf8").slice(-5000));
    rmSync(folder, { recursive: true, force: true });
}
