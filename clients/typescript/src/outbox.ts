/** The outbox's rows. All its SQL is here; the tables are in `sql/`. */

import { randomUUID } from "node:crypto";

import type { Database, Dialect, Row } from "./database.js";
import type { OutboxEvent } from "./events.js";

const MAX_BATCH_EVENTS = 1000; // the service's limit
const MAX_BATCH_BYTES = 900_000; // the service takes bodies of at most 1 MiB

/** An event that the service refused for good, and why. It stays in the table with `problem` set. */
export interface SetAside {
    id: string;
    owner: string;
    event: string;
    problem: string;
}

/** Rows that are sent in one request. `key` is its Idempotency-Key: the rows of a key never change once it was sent. */
export interface Batch {
    key: string;
    rows: readonly Row[];
    body: string;
}

/** Writes an event in the caller's transaction, so that it is published exactly if the change is kept.
 *
 * Call it after the change was written: the next change of the same row waits for this transaction, so that the events
 * of an asset are sent in the order of its changes. Undefined writes nothing. Await what it returns, except in a
 * transaction of better-sqlite3, where it has already happened.
 */
export function publishWithOutbox(database: Database, event: OutboxEvent | undefined): unknown {
    if (event === undefined) return undefined;
    return database.query("INSERT INTO integration_outbox (owner, event, data, occurred_at) VALUES (?, ?, ?, ?)", [
        event.owner,
        event.event,
        JSON.stringify(event.data),
        event.timestamp,
    ]);
}

// Seconds since 1970 by the database's clock, so that the clocks of several machines need not agree.
const NOW: Record<Dialect, string> = {
    postgresql: "CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS BIGINT)",
    mysql: "UNIX_TIMESTAMP()",
    sqlite: "CAST(strftime('%s', 'now') AS INTEGER)",
};

const INSERT_LEASE: Record<Dialect, string> = {
    postgresql:
        "INSERT INTO integration_outbox_lease (id, holder, expires_at) VALUES (1, '', 0) ON CONFLICT DO NOTHING",
    mysql: "INSERT IGNORE INTO integration_outbox_lease (id, holder, expires_at) VALUES (1, '', 0)",
    sqlite: "INSERT INTO integration_outbox_lease (id, holder, expires_at) VALUES (1, '', 0) ON CONFLICT DO NOTHING",
};

/** What one sender does with the table. Only the holder of the lease forms batches. */
export class Outbox {
    private readonly holder = randomUUID();

    constructor(private readonly database: Database) {}

    async isEmpty(): Promise<boolean> {
        return (await this.query("SELECT id FROM integration_outbox WHERE problem IS NULL LIMIT 1")).length === 0;
    }

    /** Takes or prolongs the lease. Returns false while another sender has it. */
    async lease(seconds: number): Promise<boolean> {
        if (await this.takeLease(seconds)) return true;
        await this.query(INSERT_LEASE[this.database.dialect]); // there is none before the first sender
        return this.takeLease(seconds);
    }

    async release(): Promise<void> {
        await this.query("UPDATE integration_outbox_lease SET expires_at = 0 WHERE id = 1 AND holder = ?", this.holder);
    }

    /** The oldest batch whose answer is not known, or a new one of the oldest events; undefined if there is none. */
    async nextBatch(): Promise<Batch | undefined> {
        const [open] = await this.query(
            "SELECT batch FROM integration_outbox WHERE batch IS NOT NULL AND problem IS NULL ORDER BY id LIMIT 1",
        );
        const key = open ? String(open["batch"]) : await this.formBatch();
        if (key === undefined) return undefined;
        const rows = await this.query(
            `SELECT id, owner, event, data, occurred_at FROM integration_outbox
             WHERE batch = ? AND problem IS NULL ORDER BY id`,
            key,
        );
        return rows.length === 0 ? undefined : { key, rows, body: `{"events":[${rows.map(asJson).join(",")}]}` };
    }

    /** Removes the rows of a batch that was published. */
    async remove(batch: Batch): Promise<void> {
        await this.query("DELETE FROM integration_outbox WHERE batch = ? AND problem IS NULL", batch.key);
    }

    /** Makes two batches of a refused one. The first half keeps the key: the service stores none that it refused. */
    async split(batch: Batch): Promise<void> {
        const second = batch.rows[Math.ceil(batch.rows.length / 2)];
        await this.query(
            "UPDATE integration_outbox SET batch = ? WHERE batch = ? AND id >= ?",
            randomUUID(),
            batch.key,
            second?.["id"],
        );
    }

    /** Keeps the rows of a batch from being sent. */
    async setAside(batch: Batch, problem: string): Promise<SetAside[]> {
        await this.query(
            "UPDATE integration_outbox SET problem = ? WHERE batch = ? AND problem IS NULL",
            problem,
            batch.key,
        );
        return batch.rows.map((row) => ({
            id: String(row["id"]),
            owner: String(row["owner"]),
            event: String(row["event"]),
            problem,
        }));
    }

    private async takeLease(seconds: number): Promise<boolean> {
        const now = NOW[this.database.dialect];
        await this.query(
            `UPDATE integration_outbox_lease SET holder = ?, expires_at = ${now} + ?
       WHERE id = 1 AND (holder = ? OR expires_at < ${now})`,
            this.holder,
            seconds,
            this.holder,
        );
        const held = await this.query(
            `SELECT id FROM integration_outbox_lease WHERE id = 1 AND holder = ? AND expires_at >= ${now}`,
            this.holder,
        );
        return held.length > 0;
    }

    private async formBatch(): Promise<string | undefined> {
        const candidates = await this.query(
            `SELECT id, owner, event, data, occurred_at FROM integration_outbox
       WHERE batch IS NULL AND problem IS NULL ORDER BY id LIMIT ${MAX_BATCH_EVENTS}`,
        );
        const ids = firstThatFit(candidates).map((row) => row["id"]);
        if (ids.length === 0) return undefined;
        const key = randomUUID();
        // A sender that was suspended for longer than its lease finds that it may no longer do this.
        await this.query(
            `UPDATE integration_outbox SET batch = ? WHERE batch IS NULL AND id IN (${ids.map(() => "?").join(", ")})
       AND EXISTS (SELECT 1 FROM integration_outbox_lease WHERE id = 1 AND holder = ?)`,
            key,
            ...ids,
            this.holder,
        );
        return key;
    }

    private async query(text: string, ...parameters: unknown[]): Promise<readonly Row[]> {
        return this.database.query(text, parameters);
    }
}

/** At least one, so that an event that is too large is refused by name. */
function firstThatFit(rows: readonly Row[]): readonly Row[] {
    let bytes = 0;
    const end = rows.findIndex((row) => (bytes += Buffer.byteLength(asJson(row)) + 1) > MAX_BATCH_BYTES);
    return end === -1 ? rows : rows.slice(0, Math.max(end, 1));
}

/** One row as `POST /events` takes it. `data` is JSON text already. */
function asJson(row: Row): string {
    const [owner, event, timestamp] = [row["owner"], row["event"], row["occurred_at"]].map((text) =>
        JSON.stringify(text),
    );
    return `{"owner":${owner},"event":${event},"timestamp":${timestamp},"data":${String(row["data"])}}`;
}
