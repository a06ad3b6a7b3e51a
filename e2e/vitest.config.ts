import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    globalSetup: "./setup.ts",
    setupFiles: "./browser_globals.ts",
    include: ["**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Once in hundreds of runs, a browser under load fails a test for no known reason. CI
    // retries a test once and reports that; a run by hand does not retry.
    retry: process.env.CI ? 1 : 0,
    // The server, PostgreSQL and a browser share two cores with the tests.
    maxWorkers: 2,
  },
});
