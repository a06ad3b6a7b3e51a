// A network that can be cut: between a client and the server.
import { connect, createServer, type Socket } from "node:net";
import { once } from "node:events";

export interface Proxy {
  /** host:port of it. */
  readonly host: string;
  /** Breaks all connections and refuses new ones for some time, in ms. */
  cut(forMs: number): Promise<void>;
  close(): Promise<void>;
}

export async function createProxy(target: string): Promise<Proxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let down = false;
  const server = createServer((client) => {
    if (down) {
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
  return {
    host: `127.0.0.1:${address.port}`,
    cut: async (forMs) => {
      down = true;
      breakAll();
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
