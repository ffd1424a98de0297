import assert from "node:assert/strict";
import { createServer, request as httpRequest, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { describe, test, type TestContext } from "node:test";

import express from "express";

import { INTEGRATION_TYPES, integrationsRouter } from "../src/index.js";
import { newApp, type BackendOptions } from "./backend.js";
import { readBody, serve, startReceiver } from "./servers.js";
import { newUserId, tokenOf } from "./service.js";

const NONE = Object.fromEntries(INTEGRATION_TYPES.map((type) => [type, false]));

/** Calls a backend as one user. */
async function startCalls(context: TestContext, options: BackendOptions = {}, userId = newUserId()) {
    const url = (await serve(context, newApp(options))) + (options.mount ?? "/api/v1/integrations");
    return async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
        const response = await fetch(url + path, {
            method,
            headers: { Authorization: `Bearer ${tokenOf(userId)}`, "Content-Type": "application/json", ...headers },
            ...(body === undefined ? {} : { body: JSON.stringify(body) }),
            redirect: "manual",
        });
        return {
            status: response.status,
            headers: response.headers,
            body: JSON.parse((await response.text()) || "null"),
        };
    };
}

/** A service that shows what it was asked. */
async function startMirror(
    context: TestContext,
): Promise<{ serviceUrl: string; seen: (IncomingMessage & { text?: string })[] }> {
    const seen: (IncomingMessage & { text?: string })[] = [];
    const serviceUrl = await serve(context, async (request, response) => {
        seen.push(Object.assign(request, { text: await readBody(request) }));
        response
            .writeHead(207, { "set-cookie": ["a=1", "b=2"], "x-of-service": "yes", connection: "close" })
            .end('{"data": {}}');
    });
    return { serviceUrl, seen };
}

describe("the router", { timeout: 120_000 }, () => {
    for (const mount of ["/api/v1/integrations", "/integrations", "/some/where/else"]) {
        test(`joins both sides' statuses at ${mount}, with and without a slash at the end`, async (context) => {
            const call = await startCalls(context, { mount });
            await call("POST", "/", { type: "telegram", config: {} });
            for (const path of ["/status", "/status/"]) {
                const { status, body } = await call("GET", path);
                assert.deepEqual([status, body], [200, { data: { telegram: true, notion: false, ...NONE } }]);
            }
            assert.equal((await call("GET", "/slack/")).body.error, "INTEGRATION_NOT_FOUND");
        });
    }

    test("passes on our types, and leaves all others and all other routes to the backend", async (context) => {
        const [call, receiver] = [await startCalls(context), await startReceiver(context)];
        const config = { url: receiver.url };
        assert.match((await call("POST", "", { type: "webhook", config })).body.data.signingSecret, /^whsec_/);
        assert.equal((await call("PATCH", "/webhook", { isActive: false })).body.data.isActive, false);
        assert.equal((await call("POST", "/webhook/ping")).status, 202);
        assert.equal(
            (await call("DELETE", "/webhook")).body.message,
            "Custom Webhook integration deleted successfully",
        );
        assert.equal((await call("GET", "/oauth/authorize/dropbox")).status, 200);

        assert.equal((await call("GET", "/discord")).body.message.includes("backend"), false);
        assert.equal((await call("GET", "/notion")).body.message, "The backend has none");
        assert.equal((await call("POST", "/test", { type: "notion" })).body.message, "Connected to notion");
        for (const path of ["/oauth/authorize/notion", "/notion/secret", "/unknown/route"]) {
            assert.equal((await call("GET", path)).body.message, "The backend has no such route");
        }
    });

    test("leaves a type of the service to the backend if it is not among those given", async (context) => {
        const call = await startCalls(context, { types: ["slack"] });
        assert.equal((await call("GET", "/github")).body.message, "The backend has none");
        assert.deepEqual((await call("GET", "/status")).body.data, { telegram: false, notion: false, slack: false });
    });

    test("passes on method, query, body and headers, and the answer with its status and headers", async (context) => {
        const { serviceUrl, seen } = await startMirror(context);
        const call = await startCalls(context, { serviceUrl, mount: "/integrations" });
        const answer = await call(
            "PATCH",
            "/slack?a=1&b=%2F",
            { isActive: "é" },
            { "X-Request-Id": "r-1", "X-Forwarded-For": "9.9.9.9" },
        );
        const [request] = seen;
        assert.deepEqual([request?.method, request?.url], ["PATCH", "/api/v1/integrations/slack?a=1&b=%2F"]);
        assert.equal(request?.text, '{"isActive":"é"}');
        assert.match(request?.headers.authorization ?? "", /^Bearer ey/);
        assert.equal(request?.headers["x-request-id"], "r-1");
        assert.equal(request?.headers.host, new URL(serviceUrl).host);
        assert.match(String(request?.headers["x-forwarded-host"]), /^127\.0\.0\.1:\d+$/);
        assert.equal(request?.headers["x-forwarded-proto"], "http");
        assert.equal(request?.headers["x-forwarded-for"], "127.0.0.1"); // not what a client claims
        assert.equal(answer.status, 207);
        assert.deepEqual(answer.headers.getSetCookie(), ["a=1", "b=2"]);
        assert.equal(answer.headers.get("x-of-service"), "yes");
    });

    test("tells what a trusted proxy in front of the backend says about the caller", async (context) => {
        const { serviceUrl, seen } = await startMirror(context);
        const app = express().set("trust proxy", "loopback").use("/i", integrationsRouter({ serviceUrl }));
        const headers = { "X-Forwarded-For": "203.0.113.5", "X-Forwarded-Proto": "https" };
        await fetch(`${await serve(context, app)}/i/slack`, { headers });
        assert.equal(seen[0]?.headers["x-forwarded-for"], "203.0.113.5");
        assert.equal(seen[0]?.headers["x-forwarded-proto"], "https");
    });

    test("drops what is meant for one connection", async (context) => {
        const { serviceUrl, seen } = await startMirror(context);
        const url = new URL(await serve(context, newApp({ serviceUrl, mount: "/i" })));
        const headers = {
            Connection: "close, X-Hop",
            "X-Hop": "1",
            TE: "trailers",
            "Proxy-Authorization": "x",
            "X-Kept": "1",
        };
        await new Promise((resolve) => httpRequest(new URL("/i/slack", url), { headers }, resolve).end());
        const names = Object.keys(seen[0]?.headers ?? {});
        assert.deepEqual(
            names.filter((name) => ["x-hop", "te", "proxy-authorization", "x-kept"].includes(name)),
            ["x-kept"],
        );
    });

    test("lets no path lead to other routes of the service", async (context) => {
        const { serviceUrl, seen } = await startMirror(context);
        const { port } = new URL(await serve(context, newApp({ serviceUrl, mount: "/i" })));
        for (const path of ["/i/slack/../../accounts/1", "/i/slack/%2e%2e/x", "/i/slack/..%2fx"]) {
            await new Promise((resolve) => {
                const socket = connect(Number(port), "127.0.0.1").on("close", resolve).resume();
                socket.end(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
            });
        }
        assert.deepEqual(seen, []);
    });

    test("answers for the backend alone while the service is down", async (context) => {
        const problems: string[] = [];
        const onProblem = (problem: string) => problems.push(problem);
        const call = await startCalls(context, { serviceUrl: "http://127.0.0.1:1", onProblem });
        await call("POST", "", { type: "notion", config: {} });
        assert.deepEqual((await call("GET", "/status")).body, { data: { telegram: false, notion: true, ...NONE } });
        const { status, body } = await call("GET", "/slack");
        assert.deepEqual([status, body.success, body.error], [502, false, "INTERNAL_ERROR"]);
        assert.equal(problems.length, 2);
    });

    test("does not wait for a service that hangs", async (context) => {
        const hanging = createServer(() => undefined).listen(0, "127.0.0.1");
        context.after(() => hanging.closeAllConnections());
        context.after(() => hanging.close());
        await new Promise((resolve) => hanging.once("listening", resolve));
        const serviceUrl = `http://127.0.0.1:${(hanging.address() as { port: number }).port}`;
        const call = await startCalls(context, { serviceUrl, timeoutMs: 200 });
        assert.equal((await call("GET", "/slack")).status, 502);
        assert.deepEqual((await call("GET", "/status")).body.data, { telegram: false, notion: false, ...NONE });
    });

    test("keeps the backend's own refusal of a token", async (context) => {
        const call = await startCalls(context);
        const { status, body } = await call("GET", "/status", undefined, { Authorization: "Bearer wrong" });
        assert.deepEqual([status, body.message], [401, "Invalid or expired token"]);
    });

    test("says so if it is mounted before express.json()", async (context) => {
        const errors: string[] = [];
        const app = express().use("/i", integrationsRouter({ serviceUrl: "http://127.0.0.1:1" }));
        app.use(((error, _request, response, _next) => {
            errors.push(error.message);
            response.status(500).end();
        }) satisfies express.ErrorRequestHandler);
        const headers = { "Content-Type": "application/json" };
        await fetch(`${await serve(context, app)}/i`, { method: "POST", headers, body: "{}" });
        assert.deepEqual(errors, ["integrationsRouter has to be mounted after express.json()"]);
    });
});
