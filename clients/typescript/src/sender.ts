/** Sends what the outbox holds, in order, one request at a time. */

import type { Database } from "./database.js";
import { Outbox, type Batch, type SetAside } from "./outbox.js";

const LEASE_SECONDS = 60;
const POLL_SECONDS = 1;
const MAX_BACKOFF_SECONDS = 60;
const MAX_RETRY_AFTER_SECONDS = 3600;
const REASON_CHARACTERS = 500;
// How the service refuses JSON that it does not take: a text with NUL, half of a surrogate pair, more than 64 levels.
const BAD_BODY = "The body is not acceptable JSON";

export interface SenderOptions {
    /** Over a pool or a client of its own, not over a transaction. */
    database: Database;
    /** Where the service is, without `/api/v1`. */
    baseUrl: string;
    /** A token with the scopes `events:write` and `events:publish-any`, or a function that returns it. */
    token: string | (() => string | Promise<string>);
    /** Seconds until another sender takes over from one that was killed; 60 unless given. A request may take half. */
    leaseSeconds?: number;
    /** Ends the work after the request under way. */
    signal?: AbortSignal;
}

/** What one call of `sendOutbox` has done. */
export interface Outcome {
    sent: number;
    /** Events that the service refused for good. Later ones, of the same asset too, were sent. */
    setAside: SetAside[];
    /** Why the rest waits: `"The service answered 503"`, and for how many seconds, if the service said so. */
    waiting?: { reason: string; seconds?: number };
}

type Verdict =
    | { kind: "sent" }
    | { kind: "refused"; reason: string; isKeyReused: boolean }
    | { kind: "wait"; waiting: NonNullable<Outcome["waiting"]> };

/** Sends everything that is due now, and nothing while another sender is at work. Throws what the database throws. */
export async function sendOutbox(options: SenderOptions): Promise<Outcome> {
    const outbox = new Outbox(options.database);
    const leaseSeconds = options.leaseSeconds ?? LEASE_SECONDS;
    const outcome: Outcome = { sent: 0, setAside: [] };
    if ((await outbox.isEmpty()) || !(await outbox.lease(leaseSeconds))) return outcome;
    try {
        while (!options.signal?.aborted && !outcome.waiting && (await outbox.lease(leaseSeconds))) {
            const batch = await outbox.nextBatch();
            if (batch === undefined) break;
            await settle(outbox, batch, await post(batch, options, leaseSeconds * 500), outcome);
        }
    } finally {
        await outbox.release();
    }
    return outcome;
}

async function settle(outbox: Outbox, batch: Batch, verdict: Verdict, outcome: Outcome): Promise<void> {
    if (verdict.kind === "wait") {
        outcome.waiting = verdict.waiting;
    } else if (verdict.kind === "sent") {
        await outbox.remove(batch);
        outcome.sent += batch.rows.length;
    } else if (batch.rows.length > 1 && !verdict.isKeyReused) {
        await outbox.split(batch); // to find the events at fault; the service has published none of a refused batch
    } else {
        outcome.setAside.push(...(await outbox.setAside(batch, verdict.reason)));
    }
}

async function post(batch: Batch, { baseUrl, token }: SenderOptions, timeoutMs: number): Promise<Verdict> {
    try {
        const response = await fetch(new URL("/api/v1/events", baseUrl), {
            method: "POST",
            headers: {
                Authorization: `Bearer ${typeof token === "string" ? token : await token()}`,
                "Content-Type": "application/json",
                "Idempotency-Key": batch.key,
            },
            body: batch.body,
            redirect: "manual",
            signal: AbortSignal.timeout(timeoutMs),
        });
        return judge(response.status, response.headers.get("Retry-After"), await response.text());
    } catch (error) {
        const { message, cause } = error as Error;
        const reason = cause instanceof Error ? `${message}: ${cause.message}` : message;
        return { kind: "wait", waiting: { reason } };
    }
}

/** What an answer means. An event is refused only by an answer about the event: everything else, for example a wrong
 * token, a host name that the service does not allow, or the error page of a proxy, keeps the events until that is put
 * right.
 */
function judge(status: number, retryAfter: string | null, body: string): Verdict {
    if (status === 202) return { kind: "sent" };
    const error = readEnvelope(body);
    const detail = error ? `${error.message} ${JSON.stringify(error.details ?? {})}` : body;
    const reason = `The service answered ${status}: ${detail}`.slice(0, REASON_CHARACTERS);
    const isInvalid = error?.error === "INVALID_CONFIG" && (error.details || error.message.startsWith(BAD_BODY));
    if (status === 413 || (isInvalid && [400, 409].includes(status))) {
        return { kind: "refused", reason, isKeyReused: status === 409 };
    }
    const seconds = readRetryAfter(retryAfter);
    return { kind: "wait", waiting: seconds === undefined ? { reason } : { reason, seconds } };
}

function readEnvelope(body: string): { error: string; message: string; details?: unknown } | undefined {
    try {
        const value = JSON.parse(body);
        return typeof value?.error === "string" ? value : undefined;
    } catch {
        return undefined;
    }
}

/** Seconds of a number or a date (RFC 9110, 10.2.3); undefined if it is neither. */
function readRetryAfter(text: string | null): number | undefined {
    if (!text) return undefined;
    const seconds = /^\d+$/.test(text) ? Number(text) : (Date.parse(text) - Date.now()) / 1000;
    return Number.isNaN(seconds) ? undefined : Math.min(Math.max(seconds, 0), MAX_RETRY_AFTER_SECONDS);
}

export interface OutboxSender {
    /** Looks at the outbox now, for example after a commit, instead of within a second. */
    wake(): void;
    /** Resolves when the request under way has been answered and nothing more is sent. */
    stop(): Promise<void>;
}

/** Sends until it is stopped, and tries again with growing pauses (1 s to 60 s, or as `Retry-After` says).
 *
 * `onSetAside` is told of each event that was refused for good, `onWaiting` why the others wait; by default both print
 * to stderr. Any number of processes may run one: they take turns.
 */
export function startOutboxSender(
    options: Omit<SenderOptions, "signal"> & {
        onSetAside?: (event: SetAside) => void;
        onWaiting?: (reason: string) => void;
    },
): OutboxSender {
    const { onSetAside = console.error, onWaiting = console.error } = options;
    const abort = new AbortController();
    let failures = 0;
    let endPause = (): void => {};
    let isWoken = false;

    async function pause(seconds: number): Promise<void> {
        if (abort.signal.aborted) return;
        await new Promise<void>((resolve) => {
            const timer = setTimeout(resolve, seconds * 1000);
            endPause = () => {
                clearTimeout(timer);
                resolve();
            };
        });
    }

    async function sendOnce(): Promise<Outcome> {
        try {
            return await sendOutbox({ ...options, signal: abort.signal });
        } catch (error) {
            return {
                sent: 0,
                setAside: [],
                waiting: { reason: `The outbox cannot be read: ${(error as Error).message}` },
            };
        }
    }

    async function run(): Promise<void> {
        while (!abort.signal.aborted) {
            isWoken = false;
            const { setAside, waiting } = await sendOnce();
            setAside.forEach((event) => onSetAside(event));
            if (waiting) onWaiting(waiting.reason);
            failures = waiting ? failures + 1 : 0;
            if (waiting) await pause(waiting.seconds ?? backoffSeconds(failures));
            else if (!isWoken) await pause(POLL_SECONDS);
        }
    }

    const ended = run();
    return {
        wake() {
            isWoken = true;
            if (failures === 0) endPause();
        },
        async stop() {
            abort.abort();
            endPause();
            await ended;
        },
    };
}

/** 1, 2, 4 … 60 seconds, less a random part, so that several senders do not come at once. */
function backoffSeconds(failures: number): number {
    return Math.min(2 ** (failures - 1), MAX_BACKOFF_SECONDS) * (0.75 + Math.random() / 4);
}
