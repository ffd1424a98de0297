/** The running service, as `test/run.ts` has started it. */

import { randomUUID } from "node:crypto";

import jwt from "jsonwebtoken";

import { createClient, type Client } from "../src/index.js";

function variable(name: string): string {
    const value = process.env[name];
    if (value === undefined) throw new Error(`${name} is not set: run the tests with npm test`);
    return value;
}

export const SERVICE_URL = variable("SERVICE_URL");
export const SERVICE_TOKEN = variable("SERVICE_TOKEN");
export const POSTGRESQL_FOLDER = variable("POSTGRESQL_FOLDER");
export const JWT_SECRET = variable("INVENICUM_JWT_SECRET");

/** A token as the backend makes it when somebody logs in. */
export function tokenOf(userId: number | string): string {
    return jwt.sign({ userId, email: `user${userId}@example.com` }, JWT_SECRET, { expiresIn: "7d" });
}

export function clientOf(userId: number | string): Client {
    return createClient({ baseUrl: SERVICE_URL, token: tokenOf(userId) });
}

/** The id of a user whom no other test has. */
export const newUserId = (): string => randomUUID();

/** The asset ids of a user's events, oldest first. */
export async function publishedTo(userId: number | string): Promise<unknown[]> {
    const { api } = clientOf(userId);
    const ids: unknown[] = [];
    let after: string | undefined;
    for (;;) {
        const { data } = await api.GET("/api/v1/events", {
            params: { query: { limit: 100, ...(after && { after }) } },
        });
        if (!data) throw new Error("The feed was not answered");
        ids.push(...data.data.map((event) => event.data["assetId"]));
        after = data.data.at(-1)?.id;
        if (!data.next) return ids;
    }
}
