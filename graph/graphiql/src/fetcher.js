// Sends queries and mutations over HTTP, subscriptions over WebSocket. A network
// failure becomes a GraphQL error, which GraphiQL can show.
import { createGraphiQLFetcher } from "@graphiql/toolkit";
import { getOperationAST } from "graphql";
import { follow } from "./subscription.js";

/**
 * Returns a fetcher for GraphiQL. It sends sessionHeaders with the introspection at page load,
 * when GraphiQL has no headers yet.
 */
export function createFetcher(endpoint, sessionHeaders) {
  const post = createGraphiQLFetcher({ url: endpoint.href, fetch: readable });
  return (params, options) => {
    const headers = options?.headers ?? sessionHeaders();
    const operation = options?.documentAST && getOperationAST(options.documentAST, params.operationName);
    if (operation?.operation === "subscription") return follow(endpoint, params, headers, takesAfter(operation));
    return post(params, { ...options, headers });
  };
}

// takesAfter reports whether an operation has the variable $after, so that it can be resumed.
function takesAfter(operation) {
  return operation.variableDefinitions.some(({ variable }) => variable.name.value === "after");
}

// readable is fetch, but its response is always GraphQL.
async function readable(url, init) {
  let response;
  try {
    response = await fetch(url, init);
  } catch (error) {
    return failure(`The request did not get through: ${error.message}`);
  }
  const mediaType = response.headers.get("Content-Type") ?? "";
  if (/json|multipart\/mixed/.test(mediaType)) return response;
  const text = await response.text();
  return failure(`The answer is not GraphQL, but ${response.status} ${response.statusText}: ${text.slice(0, 300).trim()}`);
}

function failure(message) {
  return Response.json({ errors: [{ message }] });
}
