import assert from "node:assert/strict";
import { test } from "node:test";

import { assetEvent, type Asset } from "../src/index.js";

const before: Asset = { assetId: "asset-123", name: "Product Photo.jpg", category: "Images", tags: ["draft"] };
const at = new Date("2026-03-07T10:30:00.123Z");

test("a new asset is created by its owner unless another user is named", () => {
    const after = { ...before, url: "https://cdn.invenicum.com/assets/asset-123" };
    assert.deepEqual(assetEvent({ after, ownerId: 456, at }), {
        owner: "user-456",
        event: "asset.created",
        timestamp: "2026-03-07T10:30:00Z",
        data: {
            assetId: "asset-123",
            name: "Product Photo.jpg",
            category: "Images",
            createdBy: "user-456",
            url: "https://cdn.invenicum.com/assets/asset-123",
        },
    });
});

test("an update shows what changed and nothing else", () => {
    const after = { ...before, name: "Hero Image.jpg", tags: ["featured"] };
    assert.deepEqual(assetEvent({ before, after, ownerId: 456, actorId: 789, at })?.data, {
        assetId: "asset-123",
        changes: {
            name: { old: "Product Photo.jpg", new: "Hero Image.jpg" },
            tags: { added: ["featured"], removed: ["draft"] },
        },
        updatedBy: "user-789",
    });
});

test("a change that an event would not show is no event", () => {
    assert.equal(assetEvent({ before, after: { ...before, url: "" }, ownerId: 456 }), undefined);
});

test("a deleted asset is named", () => {
    const event = assetEvent({ before, ownerId: "a-b", at });
    assert.equal(event?.event, "asset.deleted");
    assert.deepEqual(event.data, { assetId: "asset-123", name: "Product Photo.jpg", deletedBy: "user-a-b" });
});
