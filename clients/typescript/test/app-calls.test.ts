/** The app's whole list of calls, against the backend with the router in front, with the backend's own tokens. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { INTEGRATION_TYPES } from "../src/index.js";
import { startBackend } from "./backend.js";
import { startReceiver } from "./servers.js";
import { newUserId, publishedTo, SERVICE_URL, tokenOf } from "./service.js";
import { until } from "./waiting.js";

type Call = (method: string, path: string, body?: unknown) => Promise<{ status: number; body: any }>;

function callsOf(userId: number | string, url: string): Call {
    return async (method, path, body) => {
        const response = await fetch(`${url}/api/v1${path}`, {
            method,
            headers: { Authorization: `Bearer ${tokenOf(userId)}`, "Content-Type": "application/json" },
            ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        });
        return { status: response.status, body: await response.json() };
    };
}

describe("the app", { timeout: 120_000 }, () => {
    test("tests, saves, shows and deletes an integration of the service", async (context) => {
        const [backend, receiver] = [await startBackend(context), await startReceiver(context)];
        const call = callsOf(newUserId(), backend.url);
        const integration = {
            type: "webhook",
            config: { url: `${receiver.url}/hook`, method: "POST", events: ["asset.created"] },
        };

        const before = (await call("GET", "/integrations/status")).body.data;
        assert.deepEqual(Object.keys(before).sort(), ["telegram", "notion", ...INTEGRATION_TYPES].sort());
        assert.ok(Object.values(before).every((isActive) => isActive === false));
        assert.equal((await call("GET", "/integrations/webhook")).status, 404);

        assert.equal((await call("POST", "/integrations/test", integration)).body.success, true);
        const failed = await call("POST", "/integrations/test", {
            type: "webhook",
            config: { url: "http://127.0.0.1:1/" },
        });
        assert.deepEqual([failed.status, failed.body.success, typeof failed.body.error], [400, false, "string"]);

        const saved = await call("POST", "/integrations", integration);
        assert.deepEqual([saved.status, saved.body.success, saved.body.data.type], [200, true, "webhook"]);
        assert.equal((await call("GET", "/integrations/status")).body.data.webhook, true);
        const shown = (await call("GET", "/integrations/webhook")).body.data;
        assert.deepEqual([shown.config.url, shown.config.events], [integration.config.url, ["asset.created"]]);

        const deleted = await call("DELETE", "/integrations/webhook");
        assert.deepEqual([deleted.status, deleted.body.success], [200, true]);
        assert.equal((await call("GET", "/integrations/status")).body.data.webhook, false);
    });

    test("tests, saves, shows and deletes an integration of the backend's own", async (context) => {
        const backend = await startBackend(context);
        const call = callsOf(newUserId(), backend.url);
        const integration = { type: "telegram", config: { chat: "1" } };
        assert.equal((await call("POST", "/integrations/test", integration)).body.message, "Connected to telegram");
        assert.equal((await call("POST", "/integrations", integration)).body.message, "Saved");
        assert.equal((await call("GET", "/integrations/status")).body.data.telegram, true);
        assert.deepEqual((await call("GET", "/integrations/telegram")).body.data.config, { chat: "1" });
        assert.equal((await call("DELETE", "/integrations/telegram")).body.message, "The backend has deleted it");
        assert.equal((await call("GET", "/integrations/status")).body.data.telegram, false);
    });

    test("logs out only users whose token is refused", async (context) => {
        const { url } = await startBackend(context);
        const headers = { Authorization: `Bearer ${tokenOf(1)}x` };
        for (const path of ["/integrations/slack", "/integrations/status", "/integrations/telegram"]) {
            const response = await fetch(`${url}/api/v1${path}`, { headers });
            assert.equal(response.status, 401);
            assert.equal(((await response.json()) as { message: string }).message, "Invalid or expired token");
        }
    });
});

describe("two users", { timeout: 120_000 }, () => {
    const unique = newUserId();
    // Low numbers are those that the service's own rows have.
    for (const [alice, bob] of [
        [1, 2],
        [2, 7],
        [`${unique}-1`, `${unique}-11`],
        ["a.b_c", unique],
    ] as const) {
        test(`with the ids ${alice} and ${bob} never see or receive what is the other's`, async (context) => {
            const [backend, receiver] = [await startBackend(context), await startReceiver(context)];
            const users = [alice, bob].map((id) => ({ id, path: `/${id}`, call: callsOf(id, backend.url) }));
            const feedBefore = await Promise.all(users.map(({ id }) => publishedTo(id)));
            for (const { path, call } of users) {
                const config = { url: receiver.url + path, events: ["asset.*"] };
                assert.equal((await call("POST", "/integrations", { type: "webhook", config })).status, 200);
            }
            await backend.createItem(alice, 1, "private to the first");
            await backend.createItem(bob, 2, "private to the second");
            await backend.createItem(alice, 3, "private to the first");
            assert.deepEqual(await backend.sendEvents(), { sent: 3, setAside: [] });

            const arrived = () =>
                receiver.received
                    .filter(({ body }) => body.event.startsWith("asset."))
                    .map(({ path, body }) => `${path} ${body.data["assetId"]}`);
            await until("three deliveries have arrived", () => arrived().length >= 3);
            assert.deepEqual(arrived().sort(), [`/${alice} asset-1`, `/${alice} asset-3`, `/${bob} asset-2`].sort());
            assert.deepEqual(
                receiver.received.find(({ body }) => body.data["assetId"] === "asset-2")?.body.data["createdBy"],
                `user-${bob}`,
            );

            const feeds = await Promise.all(users.map(({ id }) => publishedTo(id)));
            assert.deepEqual(
                feeds.map((feed, user) => feed.slice(feedBefore[user]?.length)),
                [["asset-1", "asset-3"], ["asset-2"]],
            );
            await cannotOpenTheOthers(alice, bob);

            const [first, second] = users;
            await first?.call("DELETE", "/integrations/webhook");
            assert.equal((await first?.call("GET", "/integrations/status"))?.body.data.webhook, false);
            assert.equal((await second?.call("GET", "/integrations/status"))?.body.data.webhook, true);
            assert.equal(
                (await second?.call("GET", "/integrations/webhook"))?.body.data.config.url,
                `${receiver.url}/${bob}`,
            );
            await second?.call("DELETE", "/integrations/webhook");
        });
    }
});

/** Everything that one user's log shows is not there for the other. */
async function cannotOpenTheOthers(owner: number | string, stranger: number | string): Promise<void> {
    const [own, foreign] = [callsOf(owner, SERVICE_URL), callsOf(stranger, SERVICE_URL)];
    for (const list of ["/events", "/deliveries"]) {
        const ids = (await own("GET", list)).body.data.map(({ id }: { id: string }) => id) as string[];
        assert.ok(ids.length > 0);
        for (const id of ids) assert.equal((await foreign("GET", `${list}/${id}`)).status, 404);
        const theirs = (await foreign("GET", list)).body.data.map(({ id }: { id: string }) => id) as string[];
        assert.deepEqual(
            theirs.filter((id) => ids.includes(id)),
            [],
        );
    }
}
