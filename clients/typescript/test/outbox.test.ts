import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";

import Sqlite from "libsql";

import {
    assetEvent,
    prismaDatabase,
    publishWithOutbox,
    sendOutbox,
    sqliteDatabase,
    type OutboxEvent,
} from "../src/index.js";
import { countRows, newSqliteFile, openPostgresql, openSqlite, type Backend } from "./databases.js";
import { newUserId, publishedTo, SERVICE_TOKEN, SERVICE_URL } from "./service.js";

const service = { baseUrl: SERVICE_URL, token: SERVICE_TOKEN };

function created(ownerId: string, assetId: string): OutboxEvent | undefined {
    return assetEvent({ after: { assetId, name: `Item ${assetId}` }, ownerId });
}

/** What Prisma's client offers for plain SQL, over SQLite. */
function openPrismaLike(context: TestContext): Backend {
    const connection = new Sqlite(newSqliteFile(context));
    context.after(() => connection.close());
    const prisma = {
        $queryRawUnsafe: async (text: string, ...parameters: unknown[]) => connection.prepare(text).all(...parameters),
        $executeRawUnsafe: async (text: string, ...parameters: unknown[]) =>
            connection.prepare(text).run(...parameters).changes,
    };
    const database = prismaDatabase(prisma, "sqlite");
    return { database, inTransaction: (work) => work(database) };
}

const databases: Record<string, (context: TestContext) => Backend | Promise<Backend>> = {
    SQLite: openSqlite,
    PostgreSQL: openPostgresql,
    "Prisma's functions": openPrismaLike,
};

for (const [name, open] of Object.entries(databases)) {
    describe(`the outbox over ${name}`, { timeout: 120_000 }, () => {
        test("publishes in order", async (context) => {
            const [backend, owner] = [await open(context), newUserId()];
            const assetIds = Array.from({ length: 120 }, (_, number) => `asset-${number}`);
            await backend.inTransaction(async (database) => {
                for (const assetId of assetIds) await publishWithOutbox(database, created(owner, assetId));
            });
            assert.deepEqual(await sendOutbox({ ...service, ...backend }), { sent: 120, setAside: [] });
            assert.deepEqual(await publishedTo(owner), assetIds);
            assert.deepEqual(await countRows(backend), { waiting: 0, setAside: 0 });
        });

        test("sets aside the events that the service refuses, and sends those around them", async (context) => {
            const [backend, owner] = [await open(context), newUserId()];
            for (const assetId of ["a-1", "no asset id", "a-2", "a-3", "..", "a-4"]) {
                await publishWithOutbox(backend.database, created(owner, assetId));
            }
            const { sent, setAside } = await sendOutbox({ ...service, ...backend });
            assert.equal(sent, 4);
            assert.equal(setAside.length, 2);
            assert.match(setAside[0]?.problem ?? "", /400.*data\.assetId must be the id of an asset/);
            assert.deepEqual(await publishedTo(owner), ["a-1", "a-2", "a-3", "a-4"]);
            assert.deepEqual(await countRows(backend), { waiting: 0, setAside: 2 });
            assert.deepEqual(await sendOutbox({ ...service, ...backend }), { sent: 0, setAside: [] });
        });

        test("sets aside what no JSON can carry, and what is too large", async (context) => {
            const [backend, owner] = [await open(context), newUserId()];
            for (const [assetId, name] of [
                ["a-1", "NUL \0"],
                ["a-2", "\ud800"],
                ["a-3", "x".repeat(1_100_000)],
                ["a-4", "Fine"],
            ] as const) {
                await publishWithOutbox(backend.database, assetEvent({ after: { assetId, name }, ownerId: owner }));
            }
            const { setAside } = await sendOutbox({ ...service, ...backend });
            const problems = setAside.map(({ problem }) => problem.slice(0, 65));
            assert.deepEqual(
                problems,
                [
                    "The service answered 400: The body is not acceptable JSON: a text holds",
                    "The service answered 400: The body is not acceptable JSON: a text holds",
                    "The service answered 413: The body is larger than 1048576 bytes {}",
                ].map((problem) => problem.slice(0, 65)),
            );
            assert.deepEqual(await publishedTo(owner), ["a-4"]);
        });

        test("sets aside a batch that was sent before with another body", async (context) => {
            const [backend, owner] = [await open(context), newUserId()];
            const { database } = backend;
            const write = async (assetId: string) => {
                await publishWithOutbox(database, created(owner, assetId));
                await database.query("UPDATE integration_outbox SET batch = ?", [`batch-of-${owner}`]);
            };
            await write("a-1");
            assert.equal((await sendOutbox({ ...service, database })).sent, 1);
            await write("a-2");
            const { setAside } = await sendOutbox({ ...service, database });
            assert.match(setAside[0]?.problem ?? "", /409: This Idempotency-Key was used with another body/);
            assert.deepEqual(await publishedTo(owner), ["a-1"]);
        });
    });
}

describe("a change and its event", { timeout: 120_000 }, () => {
    for (const open of [openSqlite, openPostgresql]) {
        test(`are kept or given up together (${open.name})`, async (context) => {
            const [backend, owner] = [await open(context), newUserId()];
            const failure = backend.inTransaction(async (database) => {
                await publishWithOutbox(database, created(owner, "a-1"));
                throw new Error("the change fails");
            });
            await assert.rejects(failure, /the change fails/);
            assert.deepEqual(await countRows(backend), { waiting: 0, setAside: 0 });
        });
    }

    test("fit into a synchronous transaction of better-sqlite3", (context) => {
        const connection = new Sqlite(newSqliteFile(context));
        context.after(() => connection.close());
        const change = connection.transaction((isFailing: boolean) => {
            publishWithOutbox(sqliteDatabase(connection), created("456", "a-1"));
            if (isFailing) throw new Error("the change fails");
        });
        change(false);
        assert.throws(() => change(true));
        assert.deepEqual(connection.prepare("SELECT owner, event FROM integration_outbox").all(), [
            { owner: "user-456", event: "asset.created" },
        ]);
    });

    test("that is no change writes nothing", async (context) => {
        const backend = openSqlite(context);
        await publishWithOutbox(backend.database, undefined);
        assert.deepEqual(await countRows(backend), { waiting: 0, setAside: 0 });
    });
});
