import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import type { RequestListener } from "node:http";
import { describe, test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";

import { assetEvent, publishWithOutbox, sendOutbox, startOutboxSender, type Database } from "../src/index.js";
import { countRows, newSqliteFile, openPostgresql, openSqlite } from "./databases.js";
import { readBody, serve } from "./servers.js";
import { newUserId, publishedTo, SERVICE_TOKEN, SERVICE_URL } from "./service.js";
import { until } from "./waiting.js";

async function write(database: Database, ownerId: string, assetIds: readonly string[]): Promise<void> {
    for (const assetId of assetIds) {
        await publishWithOutbox(database, assetEvent({ after: { assetId, name: assetId }, ownerId }));
    }
}

/** Answers each request with the next of `answers`, and the last one from then on. */
function scripted(...answers: [status: number, body?: object, headers?: Record<string, string>][]): RequestListener {
    let place = 0;
    return async (request, response) => {
        await readBody(request);
        const [status, body = {}, headers = {}] = answers[Math.min(place++, answers.length - 1)] ?? [500];
        response.writeHead(status, headers).end(JSON.stringify(body));
    };
}

async function outcomeOf(context: TestContext, ...answers: Parameters<typeof scripted>) {
    const backend = openSqlite(context);
    await write(backend.database, "456", ["a-1", "a-2"]);
    const baseUrl = await serve(context, scripted(...answers));
    return { outcome: await sendOutbox({ ...backend, baseUrl, token: "t" }), rows: await countRows(backend) };
}

describe("events wait", { timeout: 120_000 }, () => {
    const cases: [string, Parameters<typeof scripted>[0], number | undefined][] = [
        ["as long as the service says", [429, {}, { "Retry-After": "7" }], 7],
        ["while the service fails", [503], undefined],
        [
            "while the token is wrong",
            [401, { error: "NOT_AUTHENTICATED", message: "Invalid or expired token" }],
            undefined,
        ],
        ["while the token lacks a scope", [403, { error: "PERMISSION_DENIED", message: "No" }], undefined],
        [
            "while the host is not allowed",
            [400, { error: "INVALID_CONFIG", message: "The request is not valid" }],
            undefined,
        ],
        ["while another server answers", [400, { title: "Bad Request" }], undefined],
        ["while the address is wrong", [404], undefined],
    ];
    for (const [name, answer, seconds] of cases) {
        test(name, async (context) => {
            const { outcome, rows } = await outcomeOf(context, answer);
            assert.deepEqual(rows, { waiting: 2, setAside: 0 });
            assert.match(outcome.waiting?.reason ?? "", new RegExp(`^The service answered ${answer[0]}`));
            assert.equal(outcome.waiting?.seconds, seconds);
        });
    }

    test("while the service cannot be reached", async (context) => {
        const backend = openSqlite(context);
        await write(backend.database, "456", ["a-1"]);
        const outcome = await sendOutbox({ ...backend, baseUrl: "http://127.0.0.1:1", token: "t" });
        assert.match(outcome.waiting?.reason ?? "", /ECONNREFUSED|bad port/);
        assert.deepEqual(await countRows(backend), { waiting: 1, setAside: 0 });
    });

    test("and are sent when it is back, by the sender that goes on trying", async (context) => {
        const backend = openSqlite(context);
        await write(backend.database, "456", ["a-1"]);
        const reasons: string[] = [];
        const baseUrl = await serve(context, scripted([503], [429, {}, { "Retry-After": "1" }], [202]));
        const sender = startOutboxSender({
            ...backend,
            baseUrl,
            token: "t",
            onWaiting: (reason) => reasons.push(reason),
        });
        context.after(() => sender.stop());
        await until("all are sent", async () => (await countRows(backend)).waiting === 0);
        await sender.stop();
        assert.deepEqual(
            reasons.map((reason) => reason.slice(0, 24)),
            ["The service answered 503", "The service answered 429"],
        );
    });
});

test("while one sender waits for an answer, another sends nothing", { timeout: 120_000 }, async (context) => {
    for (const backend of [openSqlite(context), await openPostgresql(context)]) {
        await write(backend.database, "456", ["a-1"]);
        let requests = 0;
        let answer = (): void => {};
        const baseUrl = await serve(context, (_, response) => {
            requests++;
            answer = () => response.writeHead(202).end("{}");
        });
        const options = { ...backend, baseUrl, token: "t" };
        const first = sendOutbox(options);
        await until("the first has sent its request", () => requests === 1);
        await write(backend.database, "456", ["a-2"]);
        assert.deepEqual(await sendOutbox(options), { sent: 0, setAside: [] });
        answer();
        await until("the first has sent the next request", () => requests === 2);
        answer();
        assert.equal((await first).sent, 2);
    }
});

test("three senders over one PostgreSQL take turns", { timeout: 120_000 }, async (context) => {
    const [backend, owner] = [await openPostgresql(context), newUserId()];
    const senders = [1, 2, 3].map(() => startOutboxSender({ ...backend, baseUrl: SERVICE_URL, token: SERVICE_TOKEN }));
    context.after(() => Promise.all(senders.map((sender) => sender.stop())));
    const assetIds = Array.from({ length: 200 }, (_, number) => `asset-${number}`);
    for (const assetId of assetIds) {
        await write(backend.database, owner, [assetId]);
        senders.forEach((sender) => sender.wake());
    }
    await until("all are sent", async () => (await countRows(backend)).waiting === 0);
    await Promise.all(senders.map((sender) => sender.stop()));
    assert.deepEqual(await publishedTo(owner), assetIds);
});

test("a sender that is killed loses nothing and publishes nothing twice", { timeout: 120_000 }, async (context) => {
    const [file, owner] = [newSqliteFile(context), newUserId()];
    const backend = openSqlite(context, file);
    const assetIds = Array.from({ length: 2500 }, (_, number) => `asset-${number}`);
    await backend.inTransaction((database) => write(database, owner, assetIds));

    let child: ChildProcess | undefined;
    context.after(() => child?.kill("SIGKILL"));
    const killsAt = new Map([
        [1, "before"],
        [2, "after"],
        [4, "after"],
        [5, "before"],
    ]);
    let requests = 0;
    const gateway = await serve(context, async (request, response) => {
        const [body, kill] = [await readBody(request), killsAt.get(++requests)];
        if (kill === "before") return void child?.kill("SIGKILL");
        const headers = request.headers as Record<string, string>;
        const kept = ["authorization", "content-type", "idempotency-key"].map((name) => [name, headers[name] ?? ""]);
        const answer = await fetch(SERVICE_URL + request.url, {
            method: "POST",
            headers: Object.fromEntries(kept),
            body,
        });
        assert.equal(answer.status, 202, await answer.text());
        if (kill === "after") return void child?.kill("SIGKILL");
        response.writeHead(202).end("{}");
    });

    for (let starts = 0; starts <= killsAt.size; starts++) {
        const script = fileURLToPath(new URL("sender-process.js", import.meta.url));
        child = spawn(process.execPath, [script, file, gateway, SERVICE_TOKEN], { stdio: "inherit" });
        const isOver = async () => child?.signalCode !== null || (await countRows(backend)).waiting === 0;
        await until("the sender is killed, or has sent everything", isOver);
    }
    assert.equal(requests, 7); // three batches, and four requests that were not answered
    assert.deepEqual(await countRows(backend), { waiting: 0, setAside: 0 });
    assert.deepEqual(await publishedTo(owner), assetIds);
});
