// Plain requests with fetch, for the steps of a test that do not concern the client under test.
import { inject } from "vitest";

/** The addresses of the shared server. */
export const origin = inject("origin");
export const url = `${origin}/graphql`;
export const wsUrl = url.replace("http", "ws");

/** Executes an operation with fetch; rejects if the answer has errors. */
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

/** Registers a playbook and returns the event of the registration. */
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
