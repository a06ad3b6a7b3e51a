// A subscription as the response pane shows it: how many events there were, and
// the newest of them, newest first. A lost connection is opened again.
import { createClient } from "graphql-ws";
import { latest } from "./latest.js";

const shownEvents = 50;
const frameMillis = 100;
const retryMillis = 1000;
// With these the server ends a stream that is to be resumed.
const resumable = ["SLOW_CONSUMER", "UNAVAILABLE", "TIMEOUT"];

/**
 * Follows a subscription over a socket of its own, until it ends or the reader
 * of the returned async iterable leaves. The headers go into connection_init as
 * they are. Where the operation takes the variable `after`, a lost stream goes
 * on after the last cursor that it selected, else with what happens from then on.
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
    // Codes below 4000 are the network's, or those of a server that goes away; from 4000 on it refuses.
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
