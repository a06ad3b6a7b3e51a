import { execFile } from "node:child_process";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { generate } from "@graphql-codegen/cli";
import { beforeAll, expect, test } from "vitest";
import { origin, register, url } from "../graphql.js";
import { configure } from "./codegen.js";

beforeAll(async () => {
  await rm(join(import.meta.dirname, "generated"), { recursive: true, force: true });
  await generate({ ...configure(origin), cwd: join(import.meta.dirname, ".."), silent: true }, true);
});

test("the program has the types of the schema", async () => {
  await promisify(execFile)(process.execPath, [join(import.meta.dirname, "../node_modules/typescript/bin/tsc"), "-p", "codegen"], {
    cwd: join(import.meta.dirname, ".."),
  }).catch((failure) => {
    throw new Error(failure.stdout);
  });
});

test("the program runs", async () => {
  const path = `codegen/${crypto.randomUUID()}`;
  await register(path);
  const { summary } = await import(join(import.meta.dirname, "program.ts"));
  expect(await summary(url, path)).toMatchObject({ versions: 1, label: "1.0.0", message: expect.stringContaining(path) });
  expect(await summary(url, `${path}/none`)).toBeUndefined();
});
