// Shows a subscription in the response pane: the number of events and the latest ones, newest
// first. It reconnects after a lost connection.
import { createClient } from "graphql-ws";
import { latest } from "./latest.js";

const shownEvents = 50;
const frameMillis = 100;
const retryMillis = 1000;
// The codes of errors after which a stream can be resumed.
const resumable = ["SLOW_CONSUMER", "UNAVAILABLE", "TIMEOUT"];

/**
 * Follows a subscription over its own socket until it ends or the consumer of the returned
 * async iterable stops. The headers are the payload of connection_init. If the operation has
 * the variable `after`, a lost stream resumes after the last cursor received; otherwise it
 * continues with new events only.
 */
export function follow(endpoint, { query, variables, operationName }, headers, takesAfter) {
  let events = 0;
  let newestFirst = [];
  let cursor;
  let opened = false;
  let over = false;
  let client;
  let retry;

  const stream = latest(frameMillis, () => {
    over = true;
    clearTimeout(retry);
    client.dispose();
  });
  const show = (more) => stream.show({ events, ...more, ...(events > 0 && { newestFirst }) });
  const finish = (more) => {
    over = true;
    show(more);
    stream.end();
    client.dispose();
  };

  const connect = () => {
    const resume = takesAfter && cursor;
    client = createClient({
      url: endpoint.href.replace(/^http/, "ws"),
      connectionParams: headers,
      retryAttempts: 0,
      on: {
        connected: () => {
          opened = true;
          show({ note: events > 0 ? "Connected again." : "Connected. Events will appear here as they happen." });
        },
      },
    });
    client.subscribe(
      { query, operationName, variables: resume ? { ...variables, after: cursor } : variables },
      { next, error, complete: () => over || finish({ note: "The stream has ended." }) },
    );
  };

  const next = (result) => {
    events += 1;
    newestFirst = [result, ...newestFirst].slice(0, shownEvents);
    cursor = Object.values(result.data ?? {})[0]?.cursor ?? cursor;
    show();
  };

  const error = (reason) => {
    if (over) return;
    if (Array.isArray(reason)) {
      if (!resumable.includes(reason[0]?.extensions?.code)) return finish({ errors: reason });
      return reconnect(reason[0].message);
    }
    // Codes below 4000 mean a network failure or a shutdown, the others a rejection.
    const refused = reason.code >= 4000;
    if (opened && !refused) return reconnect("the connection is lost");
    const why = reason.reason || reason.message || "it could not be opened";
    const code = reason.code ? ` (${reason.code})` : "";
    return finish({ errors: [{ message: `${refused ? "The server closed the WebSocket" : "The WebSocket failed"}: ${why}${code}` }] });
  };

  const reconnect = (why) => {
    client.dispose();
    show({ note: `Connecting again: ${why}.` });
    retry = setTimeout(connect, retryMillis);
  };

  show({ note: "Connecting …" });
  connect();
  return stream.iterable;
}
