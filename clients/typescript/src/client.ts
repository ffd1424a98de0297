import createFetchClient, { type Client as FetchClient } from "openapi-fetch";

import type { components, paths } from "./schema.js";

type Schemas = components["schemas"];
type SaveRequest = Schemas["SaveIntegrationRequest"];
type TestRequest = Schemas["TestIntegrationRequest"];

export type IntegrationType = SaveRequest["type"];
/** The configuration of one type: `ConfigOf<"slack">`. */
export type ConfigOf<Type extends IntegrationType> = Extract<SaveRequest, { type: Type }>["config"];

/** All types of the service. */
export const INTEGRATION_TYPES = [
    "s3",
    "google_drive",
    "dropbox",
    "github",
    "gitlab",
    "bitbucket",
    "slack",
    "discord",
    "teams",
    "google_analytics",
    "mixpanel",
    "webhook",
] as const satisfies readonly IntegrationType[];

/** How the portal opens: `path`, `expiresIn`, `readOnly`, `embed`, `returnUrl`, `theme`, `accent`, `lang`. */
export type PortalLinkOptions = Partial<Schemas["NewLinkRequest"]>;

export interface ClientOptions {
    /** Where the service is, without `/api/v1`: `https://integrations.example.com`. */
    baseUrl: string;
    /** A bearer token, or a function that returns one for each request. */
    token: string | (() => string | Promise<string>);
    /** Milliseconds that a request may take; 30 000 unless given. */
    timeoutMs?: number;
}

/** The service refused. `code` and `details` are those of its answer: `INVALID_CONFIG`, field → messages. */
export class ApiError extends Error {
    override readonly name = "ApiError";

    constructor(
        readonly status: number,
        readonly code: string,
        message: string,
        readonly details: Record<string, string[]> = {},
    ) {
        super(message);
    }
}

/** The specification's methods. Each throws an ApiError if the service refuses, and the TypeError or TimeoutError of
 * `fetch` if it cannot be reached. */
export interface Client {
    /** Every route of the service, typed: `api.GET("/api/v1/deliveries")`. Its answers are not checked for errors. */
    api: FetchClient<paths>;
    /** Which types are active: `{ slack: true, github: false, … }`. */
    getIntegrationStatuses(): Promise<Schemas["Statuses"]>;
    /** The saved integration, its config without secrets; null if none of this type is saved. */
    getIntegrationConfig(type: IntegrationType): Promise<Schemas["Integration"] | null>;
    /** Tries a configuration, saves nothing. A failed test is an answer too: `{ success: false, message, error }`. */
    testIntegration<Type extends IntegrationType>(
        type: Type,
        config: ConfigOf<Type>,
    ): Promise<Schemas["Tested"] | Schemas["Error"]>;
    /** Saves a configuration, paused if `isActive` is false. Only here a new `webhook` has `data.signingSecret`. */
    saveIntegration<Type extends IntegrationType>(
        type: Type,
        config: ConfigOf<Type>,
        options?: { isActive?: boolean },
    ): Promise<Schemas["SavedIntegrationDone"]>;
    /** Removes an integration and revokes its credentials. */
    deleteIntegration(type: IntegrationType): Promise<Schemas["Done"]>;
    /** Where to send the user's browser: `{ authorizationUrl, state }`. `returnUrl`: where it comes back to. */
    authorize(type: IntegrationType, returnUrl?: string): Promise<Schemas["Begun"]>;
    /** A link that opens the portal for the user, once: `{ url, expiresAt }`. Ask for it when the user presses the
     * button. `path` is a page below /portal, as `/services/slack`; `embed` is for a frame. */
    createPortalLink(options?: PortalLinkOptions): Promise<Schemas["Link"]>;
}

export function createClient({ baseUrl, token, timeoutMs = 30_000 }: ClientOptions): Client {
    const api = createFetchClient<paths>({
        baseUrl,
        fetch: (request) => fetch(request, { signal: AbortSignal.timeout(timeoutMs) }),
    });
    api.use({
        async onRequest({ request }) {
            request.headers.set("Authorization", `Bearer ${typeof token === "string" ? token : await token()}`);
            return request;
        },
    });
    const at = (type: IntegrationType) => ({ params: { path: { integration_type: type } } });
    return {
        api,
        getIntegrationStatuses: async () => take(await api.GET("/api/v1/integrations/status")).data,
        async getIntegrationConfig(type) {
            const answer = await api.GET("/api/v1/integrations/{integration_type}", at(type));
            return answer.response.status === 404 ? null : take(answer).data;
        },
        async testIntegration(type, config) {
            const answer = await api.POST("/api/v1/integrations/test", {
                body: { type, config } as unknown as TestRequest,
            });
            return answer.response.status === 400 && answer.error ? answer.error : take(answer);
        },
        saveIntegration: async (type, config, options = {}) =>
            take(
                await api.POST("/api/v1/integrations", {
                    body: { type, config, ...options } as unknown as SaveRequest,
                }),
            ),
        deleteIntegration: async (type) => take(await api.DELETE("/api/v1/integrations/{integration_type}", at(type))),
        authorize: async (type, returnUrl) =>
            take(
                await api.GET("/api/v1/integrations/oauth/authorize/{integration_type}", {
                    params: { ...at(type).params, query: returnUrl === undefined ? {} : { returnUrl } },
                }),
            ),
        createPortalLink: async (options = {}) => take(await api.POST("/api/v1/portal/links", { body: options })).data,
    };
}

function take<Data>(answer: { data?: Data; error?: unknown; response: Response }): Data {
    if (answer.data !== undefined) return answer.data;
    const { status } = answer.response;
    const error = answer.error as Partial<Schemas["Error"]> | string | undefined;
    // A proxy on the way answers with a page, not with the envelope.
    if (typeof error !== "object") throw new ApiError(status, "INTERNAL_ERROR", `The service answered ${status}`);
    throw new ApiError(
        status,
        error.error ?? "INTERNAL_ERROR",
        error.message ?? `It answered ${status}`,
        error.details,
    );
}
