// GraphQL over HTTP: all audits of npm's graphql-http (MUST, SHOULD and MAY).
import { serverAudits } from "graphql-http";
import { describe, test } from "vitest";
import { url } from "../graphql.js";

describe("GraphQL over HTTP", () => {
  for (const audit of serverAudits({ url })) {
    test(`${audit.id} ${audit.name}`, async () => {
      const result = await audit.fn();
      if (result.status !== "ok") throw new Error(`${result.status}: ${result.reason}`);
    });
  }
});
