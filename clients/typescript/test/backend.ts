/** A stand-in of Invenicum's backend: Express, jsonwebtoken, items with an outbox, integrations of its own. */

import type { TestContext } from "node:test";

import express, { type Express, type Request, type RequestHandler, type Router } from "express";
import jwt from "jsonwebtoken";

import { assetEvent, integrationsRouter, publishWithOutbox, sendOutbox, type RouterOptions } from "../src/index.js";
import { openSqlite } from "./databases.js";
import { serve } from "./servers.js";
import { JWT_SECRET, SERVICE_TOKEN, SERVICE_URL } from "./service.js";

const OWN_TYPES = ["telegram", "notion"];

/** The user of a request. The backend's own routes refuse a token as the service does. */
const authenticated: RequestHandler = (request, response, next) => {
    try {
        const claims = jwt.verify((request.get("authorization") ?? "").replace("Bearer ", ""), JWT_SECRET);
        response.locals["userId"] = (claims as jwt.JwtPayload)["userId"];
        next();
    } catch {
        response.status(401).json({ success: false, message: "Invalid or expired token", error: "NOT_AUTHENTICATED" });
    }
};

/** The integrations that the backend had before: saved by type and user, and nothing more. */
function ownIntegrations(): Router {
    const saved = new Map<string, object>();
    const keyOf = (request: Request, userId: unknown) => `${userId} ${request.params["type"] ?? request.body?.type}`;
    const router = express.Router().use(authenticated);
    router.get("/status", (_, response) => {
        const { userId } = response.locals;
        response.json({ data: Object.fromEntries(OWN_TYPES.map((type) => [type, saved.has(`${userId} ${type}`)])) });
    });
    router.post("/test", (request, response) => {
        response.json({ success: true, message: `Connected to ${request.body.type}`, metadata: {} });
    });
    router.post("/", (request, response) => {
        saved.set(keyOf(request, response.locals["userId"]), request.body.config);
        response.json({ success: true, message: "Saved", data: { type: request.body.type, isActive: true } });
    });
    router.get("/:type", (request, response) => {
        const config = saved.get(keyOf(request, response.locals["userId"]));
        if (config) response.json({ data: { type: request.params["type"], config, isActive: true } });
        else
            response
                .status(404)
                .json({ success: false, message: "The backend has none", error: "INTEGRATION_NOT_FOUND" });
    });
    router.delete("/:type", (request, response) => {
        saved.delete(keyOf(request, response.locals["userId"]));
        response.json({ success: true, message: "The backend has deleted it" });
    });
    return router;
}

export interface BackendOptions extends Partial<RouterOptions> {
    /** Where its integrations are; `/api/v1/integrations` unless given. */
    mount?: string;
}

export function newApp({ mount = "/api/v1/integrations", ...options }: BackendOptions = {}): Express {
    const app = express().use(express.json());
    const router = integrationsRouter({ serviceUrl: SERVICE_URL, onProblem: () => undefined, ...options });
    app.use(mount, router, ownIntegrations());
    return app.use((_, response) => void response.status(404).json({ message: "The backend has no such route" }));
}

/** A running backend: its address, and what a change of an item does. */
export async function startBackend(test: TestContext) {
    const backend = openSqlite(test);
    await backend.database.query("CREATE TABLE item (id INTEGER PRIMARY KEY, user_id TEXT, name TEXT)", []);
    return {
        url: await serve(test, newApp()),
        async createItem(userId: number | string, id: number, name: string): Promise<void> {
            await backend.inTransaction(async (database) => {
                await database.query("INSERT INTO item (id, user_id, name) VALUES (?, ?, ?)", [
                    id,
                    String(userId),
                    name,
                ]);
                await publishWithOutbox(
                    database,
                    assetEvent({ after: { assetId: `asset-${id}`, name }, ownerId: userId }),
                );
            });
        },
        sendEvents: () => sendOutbox({ ...backend, baseUrl: SERVICE_URL, token: SERVICE_TOKEN }),
    };
}
