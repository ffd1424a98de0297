import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import ts from "typescript";

const PACKAGE = fileURLToPath(new URL("../..", import.meta.url));
// What an example takes from the backend around it.
const SURROUNDINGS = `
declare const prisma: any, toAsset: any, id: number, name: string, item: any, request: any, serviceToken: string;
declare const ownIntegrations: import("express").Router;
`;

test("the examples of the README compile", { timeout: 120_000 }, () => {
    const examples = [...readFileSync(join(PACKAGE, "README.md"), "utf8").matchAll(/^```ts\n(.*?)^```/gms)];
    assert.equal(examples.length, 3);
    const folder = join(PACKAGE, "build/readme");
    mkdirSync(folder, { recursive: true });
    const files = examples.map(([, code = ""], number) => {
        const file = join(folder, `example-${number}.ts`);
        writeFileSync(file, code + SURROUNDINGS);
        return file;
    });
    const { config } = ts.readConfigFile(join(PACKAGE, "tsconfig.json"), ts.sys.readFile);
    const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, PACKAGE);
    const paths = { "invenicum-integrations": [join(PACKAGE, "src/index.ts")] };
    const program = ts.createProgram(files, { ...options, noImplicitAny: false, noEmit: true, paths });
    const problems = ts
        .getPreEmitDiagnostics(program)
        .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"));
    assert.deepEqual(problems, []);
});
