export { ApiError, createClient, INTEGRATION_TYPES } from "./client.js";
export type { Client, ClientOptions, ConfigOf, IntegrationType } from "./client.js";
export type * from "./schema.js";
