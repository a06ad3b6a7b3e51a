import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    globalSetup: "./setup.ts",
    setupFiles: "./browser_globals.ts",
    include: ["**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Two cores carry the server, PostgreSQL and a browser, too.
    maxWorkers: 2,
  },
});
