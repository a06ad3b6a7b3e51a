// Starts a server with the example playbooks, which most test files share.
import type { TestProject } from "vitest/node";
import { startServer } from "./server.js";

export default async function setup(project: TestProject) {
  const server = await startServer({ examples: true });
  project.provide("origin", server.origin);
  return () => server.stop();
}

declare module "vitest" {
  export interface ProvidedContext {
    /** Origin of the server that all test files share. */
    origin: string;
  }
}
