/** Databases of the backend that end with their test, with the outbox's tables and a table of items. */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

import Sqlite from "libsql";
import pg from "pg";

import { pgDatabase, sqliteDatabase, type Database } from "../src/index.js";
import { POSTGRESQL_FOLDER } from "./service.js";

const BUSY_MS = 5000; // what better-sqlite3 waits for a lock unless told otherwise

/** A database, and a way to run something in a transaction of it. */
export interface Backend {
    database: Database;
    inTransaction(work: (database: Database) => Promise<void>): Promise<void>;
}

const tablesOf = (dialect: string): string =>
    readFileSync(new URL(`../../sql/${dialect}.sql`, import.meta.url), "utf8");

/** A new SQLite file with the outbox's tables. */
export function newSqliteFile(test: TestContext): string {
    const folder = mkdtempSync(join(tmpdir(), "invenicum-outbox-"));
    test.after(() => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, "backend.sqlite");
    // libsql has the functions of better-sqlite3, and nothing to compile.
    const connection = new Sqlite(file, { timeout: BUSY_MS });
    connection.exec(tablesOf("sqlite"));
    connection.close();
    return file;
}

export function openSqlite(test: TestContext, file = newSqliteFile(test)): Backend {
    const connection = new Sqlite(file, { timeout: BUSY_MS });
    test.after(() => connection.close());
    const database = sqliteDatabase(connection);
    return {
        database,
        async inTransaction(work) {
            connection.exec("BEGIN IMMEDIATE");
            try {
                await work(database);
                connection.exec("COMMIT");
            } catch (error) {
                connection.exec("ROLLBACK");
                throw error;
            }
        },
    };
}

export async function openPostgresql(test: TestContext): Promise<Backend> {
    const name = `backend_${process.pid}_${Date.now()}`;
    const server = { host: POSTGRESQL_FOLDER, user: "postgres" };
    const administrator = new pg.Client({ ...server, database: "postgres" });
    await administrator.connect();
    await administrator.query(`CREATE DATABASE ${name}`);
    await administrator.end();
    const pool = new pg.Pool({ ...server, database: name });
    test.after(() => pool.end());
    await pool.query(tablesOf("postgresql"));
    return {
        database: pgDatabase(pool),
        async inTransaction(work) {
            const client = await pool.connect();
            try {
                await client.query("BEGIN");
                await work(pgDatabase(client));
                await client.query("COMMIT");
            } catch (error) {
                await client.query("ROLLBACK");
                throw error;
            } finally {
                client.release();
            }
        },
    };
}

/** Rows that wait and rows that were set aside. */
export async function countRows({ database }: Backend): Promise<{ waiting: number; setAside: number }> {
    const rows = await database.query("SELECT problem FROM integration_outbox", []);
    const setAside = rows.filter((row) => row["problem"] !== null).length;
    return { waiting: rows.length - setAside, setAside };
}
