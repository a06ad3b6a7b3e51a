// A network that can fail between a client and the server.
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** How connections end: reset, which both sides notice, or silently. */
export type Fault = "broken" | "silent";

export interface Proxy {
  /** The proxy's host:port. */
  readonly host: string;
  /** The number of refused connections. */
  readonly refused: number;
  /** Ends all connections, and refuses new ones for a time in ms. */
  cut(forMs: number, fault: Fault): Promise<void>;
  close(): Promise<void>;
}

export async function createProxy(target: string): Promise<Proxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let down = false;
  let refused = 0;
  const server = createServer((client) => {
    if (down) {
      refused++;
      client.resetAndDestroy();
      return;
    }
    const upstream = connect(Number(port), hostname);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on("error", () => {});
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address() as { port: number };
  const breakAll = () => sockets.forEach((socket) => socket.resetAndDestroy());
  // Silent connections never carry anything again, not even their end.
  const silenceAll = () => sockets.forEach((socket) => socket.unpipe().pause().removeAllListeners("close"));
  return {
    host: `127.0.0.1:${address.port}`,
    get refused() {
      return refused;
    },
    cut: async (forMs, fault) => {
      down = true;
      if (fault === "broken") breakAll();
      else silenceAll();
      await new Promise((over) => setTimeout(over, forMs));
      down = false;
    },
    close: async () => {
      breakAll();
      server.close();
      await once(server, "close");
    },
  };
}
