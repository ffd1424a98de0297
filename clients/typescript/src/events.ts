/** The events of the specification, made from an asset before and after a change. Pure. */

/** What the service is told about an asset: the backend's own item, mapped. */
export interface Asset {
    /** Letters, digits, dots, dashes and underscores, at most 100: `asset-123`. */
    assetId: string;
    name: string;
    category?: string;
    tags?: readonly string[];
    url?: string;
}

/** An event for the outbox. Only `owner`'s integrations receive it. */
export interface OutboxEvent {
    owner: string;
    event: string;
    data: Record<string, unknown>;
    timestamp: string;
}

export interface AssetChange {
    /** Undefined for an asset that is new. */
    before?: Asset | undefined;
    /** Undefined for an asset that was deleted. */
    after?: Asset | undefined;
    /** Invenicum's id of the user whose integrations are told: 456. */
    ownerId: number | string;
    /** Invenicum's id of the user who made the change; the owner unless given. */
    actorId?: number | string;
    /** When it happened; now unless given. */
    at?: Date;
}

/** `user-456` for Invenicum's user 456. */
export const publicId = (userId: number | string): string => `user-${userId}`;

/** The event that a change means: `asset.created`, `asset.updated` or `asset.deleted`; undefined if nothing changed
 * that an event would show. */
export function assetEvent({
    before,
    after,
    ownerId,
    actorId = ownerId,
    at = new Date(),
}: AssetChange): OutboxEvent | undefined {
    const [event, data] = describe(before, after, publicId(actorId));
    if (event === undefined) return undefined;
    return { owner: publicId(ownerId), event, data, timestamp: at.toISOString().replace(/\.\d+Z$/, "Z") };
}

type Description = [string, Record<string, unknown>] | [undefined, undefined];

function describe(before: Asset | undefined, after: Asset | undefined, actor: string): Description {
    if (before && after) {
        const changes = changesBetween(before, after);
        if (Object.keys(changes).length === 0) return [undefined, undefined];
        return ["asset.updated", { assetId: after.assetId, changes, updatedBy: actor }];
    }
    if (after) {
        const { assetId, name, category = "", url = "" } = after;
        return ["asset.created", { assetId, name, category, createdBy: actor, url }];
    }
    if (before) return ["asset.deleted", { assetId: before.assetId, name: before.name, deletedBy: actor }];
    return [undefined, undefined];
}

function changesBetween(before: Asset, after: Asset): Record<string, unknown> {
    const changes: Record<string, unknown> = {};
    for (const field of ["name", "category", "url"] as const) {
        const [old, current] = [before[field] ?? "", after[field] ?? ""];
        if (old !== current) changes[field] = { old, new: current };
    }
    const [old, current] = [before.tags ?? [], after.tags ?? []];
    const added = current.filter((tag) => !old.includes(tag));
    const removed = old.filter((tag) => !current.includes(tag));
    if (added.length + removed.length > 0) changes["tags"] = { added, removed };
    return changes;
}
