import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { ApiError, createClient, INTEGRATION_TYPES } from "../src/index.js";
import { startReceiver } from "./servers.js";
import { clientOf, newUserId, SERVICE_URL } from "./service.js";

describe("the client", { timeout: 120_000 }, () => {
    test("tests, saves, reads and deletes an integration", async (context) => {
        const [client, receiver] = [clientOf(newUserId()), await startReceiver(context)];
        const config = { url: `${receiver.url}/hook`, headers: { "X-Key": "a secret" } };

        assert.equal(await client.getIntegrationConfig("webhook"), null);
        assert.equal((await client.testIntegration("webhook", config)).success, true);
        assert.equal((await client.getIntegrationStatuses()).webhook, false);

        const saved = await client.saveIntegration("webhook", config);
        assert.equal(saved.data.isActive, true);
        assert.match(saved.data.signingSecret ?? "", /^whsec_/);
        assert.equal((await client.getIntegrationStatuses()).webhook, true);
        const stored = await client.getIntegrationConfig("webhook");
        assert.deepEqual(stored?.config["headers"], { "X-Key": "" });

        assert.equal((await client.deleteIntegration("webhook")).success, true);
        assert.equal((await client.getIntegrationStatuses()).webhook, false);
    });

    test("returns a failed test as an answer", async () => {
        const answer = await clientOf(newUserId()).testIntegration("webhook", { url: "http://127.0.0.1:1024/" });
        assert.ok("error" in answer);
        assert.equal(answer.success, false);
        assert.match(answer.error, /^WEBHOOK_/);
    });

    test("throws what the service refuses, with the code and the fields at fault", async () => {
        const slack = { webhookUrl: "nowhere", channel: "#assets" };
        await assert.rejects(clientOf(newUserId()).saveIntegration("slack", slack), (error) => {
            assert.ok(error instanceof ApiError);
            assert.deepEqual([error.status, error.code], [400, "INVALID_CONFIG"]);
            assert.equal(Object.keys(error.details).length, 1);
            return true;
        });
    });

    test("begins an authorization", async () => {
        const { authorizationUrl, state } = await clientOf(newUserId()).authorize("dropbox");
        assert.equal(new URL(authorizationUrl).searchParams.get("state"), state);
    });

    test("asks for a link to the portal", async () => {
        const { url, expiresAt } = await clientOf(newUserId()).createPortalLink({ path: "/services/slack", lang: "de" });
        assert.match(new URL(url).hash, /^#.{40,}$/);
        assert.ok(Date.parse(expiresAt) <= Date.now() + 600_000);
    });

    test("asks for a token for each request", async () => {
        let asked = 0;
        const client = createClient({ baseUrl: SERVICE_URL, token: () => `wrong-${++asked}` });
        for (const _ of [1, 2]) {
            await assert.rejects(client.getIntegrationStatuses(), { status: 401, message: "Invalid or expired token" });
        }
        assert.equal(asked, 2);
    });

    test("knows the types that the service has", async () => {
        const { data } = await clientOf(newUserId()).api.GET("/api/v1/connectors");
        assert.deepEqual(
            data?.data.map(({ type }) => type),
            INTEGRATION_TYPES,
        );
    });
});
