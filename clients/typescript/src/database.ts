/** The backend's own database, as the outbox uses it. */

export type Dialect = "postgresql" | "mysql" | "sqlite";
export type Row = Record<string, unknown>;

/** One function to run SQL with, over a transaction or over a pool. In `text` each parameter is a `?`. */
export interface Database {
    dialect: Dialect;
    /** Runs one statement. Returns the rows of a SELECT; for any other statement the result is not looked at. */
    query(text: string, parameters: readonly unknown[]): readonly Row[] | PromiseLike<readonly Row[]>;
}

interface PrismaClientLike {
    $queryRawUnsafe(text: string, ...parameters: unknown[]): PromiseLike<unknown>;
    $executeRawUnsafe(text: string, ...parameters: unknown[]): PromiseLike<number>;
}

/** `client`: the `tx` of an interactive transaction to publish with, the PrismaClient for the sender. */
export function prismaDatabase(client: PrismaClientLike, dialect: Dialect): Database {
    return {
        dialect,
        async query(text, parameters) {
            const sql = placed(text, dialect);
            if (/^\s*SELECT/i.test(text)) return (await client.$queryRawUnsafe(sql, ...parameters)) as Row[];
            await client.$executeRawUnsafe(sql, ...parameters);
            return [];
        },
    };
}

/** `client`: a client (within its transaction) or, for the sender, a pool of `pg`. */
export function pgDatabase(client: {
    query(text: string, parameters: unknown[]): PromiseLike<{ rows: Row[] }>;
}): Database {
    return {
        dialect: "postgresql",
        query: async (text, parameters) => (await client.query(placed(text, "postgresql"), [...parameters])).rows,
    };
}

/** `connection`: a connection (within its transaction) or, for the sender, a pool of `mysql2/promise`. */
export function mysqlDatabase(connection: {
    query(text: string, parameters: unknown[]): PromiseLike<[unknown, unknown]>;
}): Database {
    return {
        dialect: "mysql",
        async query(text, parameters) {
            const [rows] = await connection.query(text, [...parameters]);
            return Array.isArray(rows) ? (rows as Row[]) : [];
        },
    };
}

interface SqliteLike {
    prepare(text: string): { all(...parameters: unknown[]): unknown[]; run(...parameters: unknown[]): unknown };
}

/** `database`: of `better-sqlite3`. Nothing is awaited, since its transactions cannot wait for a promise. */
export function sqliteDatabase(database: SqliteLike): Database {
    return {
        dialect: "sqlite",
        query(text, parameters) {
            const statement = database.prepare(text);
            if (/^\s*SELECT/i.test(text)) return statement.all(...parameters) as Row[];
            statement.run(...parameters);
            return [];
        },
    };
}

/** PostgreSQL numbers its parameters. None of our statements has a question mark in a text. */
function placed(text: string, dialect: Dialect): string {
    let number = 0;
    return dialect === "postgresql" ? text.replace(/\?/g, () => `$${++number}`) : text;
}
