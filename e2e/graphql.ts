// Plain requests, for what a test does beside the client that it is about.
import { inject } from "vitest";

/** The shared server's addresses. */
export const origin = inject("origin");
export const url = `${origin}/graphql`;
export const wsUrl = url.replace("http", "ws");

/** Executes an operation with fetch; rejects where the answer has errors. */
export async function execute<Data = any>(query: string, variables: Record<string, unknown> = {}, at = url): Promise<Data> {
  const response = await fetch(at, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

/** Registers a playbook and returns the event that it left. */
export async function register(path: string, payload: unknown = { greeting: path }, at = url) {
  const { registerResource } = await execute(
    `mutation ($input: RegisterResourceInput!) {
      registerResource(input: $input) { status version { id version } event { eventId } }
    }`,
    { input: { path, type: "playbook", payload: { json: payload } } },
    at,
  );
  return registerResource as { status: string; version: { id: string; version: string }; event: { eventId: string } };
}
