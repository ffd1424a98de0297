/** Puts the service in front of the backend's own integrations. */

import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";

import type { NextFunction, Request, RequestHandler, Response } from "express";

import { INTEGRATION_TYPES } from "./client.js";

const API = "/api/v1/integrations";
const TIMEOUT_MS = 30_000;
const STATUS_TIMEOUT_MS = 5_000; // the backend's own statuses wait for ours
const SEGMENT = /^[A-Za-z0-9_-]+$/; // no dots: `..` would lead to other routes of the service

// RFC 9110, 7.6.1: these are for one connection.
const FOR_ONE_CONNECTION = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
// These are set for the new request, whose body is written again from what express.json() read.
const FOR_THE_FIRST_REQUEST = [
    "host",
    "content-length",
    "content-encoding",
    "expect",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
];

export interface RouterOptions {
    /** Where the service is, without `/api/v1`: `http://integrations:8000`. */
    serviceUrl: string;
    /** The types that the service answers for; all twelve unless given. All others stay the backend's. */
    types?: readonly string[];
    /** Milliseconds until a request that is not answered gets 502; 30 000 unless given. */
    timeoutMs?: number;
    /** Is told why the service could not be asked; prints it unless given. */
    onProblem?: (problem: string) => void;
}

interface Target {
    base: URL;
    types: ReadonlySet<string>;
    timeoutMs: number;
    onProblem: (problem: string) => void;
}

/** Express middleware. Mount it where the integrations are, after `express.json()` and before the backend's own routes:
 * `app.use("/api/v1/integrations", integrationsRouter({ serviceUrl }))`.
 */
export function integrationsRouter(options: RouterOptions): RequestHandler {
    const target: Target = {
        base: new URL(options.serviceUrl),
        types: new Set(options.types ?? INTEGRATION_TYPES),
        timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
        onProblem: options.onProblem ?? console.error,
    };
    return (request, response, next) => {
        const segments = request.path.split("/").filter((segment) => segment !== "");
        if (!segments.every((segment) => SEGMENT.test(segment))) return next();
        if (request.method === "GET" && segments.join() === "status")
            return void addStatuses(target, request, response, next);
        if (!isOurs(target.types, request, segments)) return next();
        passOn(target, request, response, segments);
    };
}

function isOurs(types: ReadonlySet<string>, request: Request, segments: readonly string[]): boolean {
    const [first, second, third] = segments;
    const isCreation = request.method === "POST" && (first === undefined || (first === "test" && second === undefined));
    if (isCreation) return types.has(readBody(request)?.["type"] as string);
    if (first === "oauth") return second === "confirm" || (third !== undefined && types.has(third));
    return first !== undefined && types.has(first);
}

function readBody(request: Request): Record<string, unknown> | undefined {
    if (request.body === undefined && request.is("json")) {
        throw new Error("integrationsRouter has to be mounted after express.json()");
    }
    return request.body as Record<string, unknown> | undefined;
}

function passOn(target: Target, request: Request, response: Response, segments: readonly string[]): void {
    const query = request.originalUrl.indexOf("?");
    const path = [API, ...segments].join("/") + (query === -1 ? "" : request.originalUrl.slice(query));
    ask(target, request, path, target.timeoutMs).then(
        (answer) => {
            response.writeHead(answer.statusCode ?? 502, passedOn(answer));
            answer.on("error", () => response.destroy());
            answer.pipe(response);
        },
        (error: Error) => {
            target.onProblem(`The integration service cannot be reached: ${error.message}`);
            const message = "The integration service cannot be reached. Please try again later";
            response.status(502).json({ success: false, message, error: "INTERNAL_ERROR" });
        },
    );
}

/** Lets the backend answer, and puts our types into its answer. If the service cannot tell, they are false. */
async function addStatuses(target: Target, request: Request, response: Response, next: NextFunction): Promise<void> {
    const ours = await readStatuses(target, request).catch((error: Error) => {
        target.onProblem(`The integration service did not tell its statuses: ${error.message}`);
        return {} as Record<string, unknown>;
    });
    const json = response.json.bind(response);
    response.json = (body: unknown) => {
        const own = (body as { data?: unknown } | null)?.data;
        if (response.statusCode !== 200 || typeof own !== "object") return json(body);
        const data = Object.fromEntries([...target.types].map((type) => [type, ours[type] === true]));
        return json({ ...(body as object), data: { ...own, ...data } });
    };
    next();
}

async function readStatuses(target: Target, request: Request): Promise<Record<string, unknown>> {
    const answer = await ask(target, request, `${API}/status`, Math.min(target.timeoutMs, STATUS_TIMEOUT_MS));
    let text = "";
    for await (const chunk of answer.setEncoding("utf8")) text += chunk;
    if (answer.statusCode !== 200) throw new Error(`it answered ${answer.statusCode}`);
    return JSON.parse(text).data;
}

/** Sends a request as the caller sent it. Resolves with the answer's head; rejects if there is none in time. */
function ask(target: Target, request: Request, path: string, timeoutMs: number): Promise<IncomingMessage> {
    const body = hasBody(request) ? JSON.stringify(request.body) : "";
    const headers = { ...passedOn(request, FOR_THE_FIRST_REQUEST), ...forwarded(request) };
    const isTls = target.base.protocol === "https:";
    return new Promise((resolve, reject) => {
        const outgoing = (isTls ? httpsRequest : httpRequest)(new URL(path, target.base), {
            method: request.method,
            headers: body === "" ? headers : { ...headers, "content-length": Buffer.byteLength(body) },
            // A connection of its own: one that is kept alive may be closed by the other side just when it is used.
            agent: isTls ? new HttpsAgent() : new HttpAgent(),
            signal: AbortSignal.timeout(timeoutMs),
        });
        outgoing.on("response", resolve).on("error", reject).end(body);
    });
}

/** Express 4 has an empty `body` on requests without one. */
function hasBody({ headers, body }: Request): boolean {
    return body !== undefined && ("transfer-encoding" in headers || Number(headers["content-length"] ?? 0) > 0);
}

type Headers = Record<string, string | string[]>;

function passedOn({ headers }: IncomingMessage, others: readonly string[] = []): Headers {
    const named = (headers.connection ?? "").toLowerCase().split(/\s*,\s*/);
    const dropped = new Set([...FOR_ONE_CONNECTION, ...named, ...others]);
    return Object.fromEntries(Object.entries(headers).filter(([name]) => !dropped.has(name))) as Headers;
}

/** As Express sees the caller: set its `trust proxy` if there is a proxy in front of the backend. */
function forwarded(request: Request): Record<string, string> {
    return {
        "x-forwarded-for": request.ip ?? "",
        "x-forwarded-host": request.get("host") ?? "",
        "x-forwarded-proto": request.protocol,
    };
}
