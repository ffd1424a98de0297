/** HTTP servers on this machine that end with their test. */

import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createServer as createSocketServer } from "node:net";
import type { TestContext } from "node:test";

/** A port that is free, and the next one is too. Below 32768, from where systems take ports for connections. */
export async function freePorts(): Promise<number> {
    const port = 10_000 + Math.floor(Math.random() * 20_000);
    return (await isFree(port)) && (await isFree(port + 1)) ? port : freePorts();
}

async function isFree(port: number): Promise<boolean> {
    const probe = createSocketServer();
    try {
        probe.listen(port, "127.0.0.1");
        await once(probe, "listening");
        return true;
    } catch {
        return false;
    } finally {
        probe.close();
    }
}

/** Returns the address: `http://127.0.0.1:40123`. */
export async function serve(test: TestContext, listener: RequestListener): Promise<string> {
    const server = createServer(listener);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    test.after(() => {
        server.closeAllConnections();
        server.close();
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export async function readBody(request: IncomingMessage): Promise<string> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
}

export interface Received {
    path: string;
    body: { event: string; data: Record<string, unknown> };
}

/** A receiver of webhooks: its address, and what has arrived there. */
export async function startReceiver(test: TestContext): Promise<{ url: string; received: Received[] }> {
    const received: Received[] = [];
    const url = await serve(test, async (request: IncomingMessage, response: ServerResponse) => {
        received.push({ path: request.url ?? "", body: JSON.parse(await readBody(request)) });
        response.end();
    });
    return { url, received };
}
