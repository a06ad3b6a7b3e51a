// Starts a noetl-catalog for the tests, with a new database on a free port.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

const root = resolve(import.meta.dirname, "..");
const binary = process.env.CATALOG_BINARY ?? join(root, "bin/noetl-catalog");

/** A running server. Its URLs have no trailing slash. */
export interface Server {
  /** http://127.0.0.1:PORT */
  readonly origin: string;
  /** The URL of GraphQL over HTTP and SSE. */
  readonly url: string;
  /** The URL of GraphQL over WebSocket. */
  readonly wsUrl: string;
  /** Ends the process with SIGTERM or SIGKILL, and keeps the data. */
  kill(signal?: "SIGTERM" | "SIGKILL"): Promise<void>;
  /** Starts the process again with the same address and data. */
  restart(): Promise<void>;
  /** Ends the process and removes its data. */
  stop(): Promise<void>;
}

export interface ServerOptions {
  /** Further flags of `noetl-catalog serve`. */
  flags?: string[];
  /** Whether to register the example playbooks, and to wait for that. */
  examples?: boolean;
}

/** Starts a server with an empty database; rejects with its output if it does not start. */
export async function startServer(options: ServerOptions = {}): Promise<Server> {
  const directory = await mkdtemp(join(tmpdir(), "noetl-catalog-e2e-"));
  // If the tests run as root, PostgreSQL runs as another user.
  await chmod(directory, 0o755);
  const launch = (listen: string) =>
    run(["serve", "--listen", listen, "--data-dir", join(directory, "data"), "--log-level", "warn", ...(options.flags ?? [])]);

  let { child, origin } = await launch("127.0.0.1:0");
  if (options.examples) await command(["register", "--server", origin, join(root, "examples")]);

  const kill = async (signal: "SIGTERM" | "SIGKILL" = "SIGTERM") => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill(signal);
    await exited;
  };
  return {
    origin,
    url: `${origin}/graphql`,
    wsUrl: `${origin.replace("http", "ws")}/graphql`,
    kill,
    restart: async () => {
      ({ child } = await launch(new URL(origin).host));
    },
    stop: async () => {
      await kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Runs a command of noetl-catalog to its end; rejects if it fails. */
export async function command(args: string[]): Promise<void> {
  const child = spawn(binary, args, { stdio: ["ignore", "ignore", "pipe"] });
  let printed = "";
  child.stderr.on("data", (text) => (printed += text));
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`noetl-catalog ${args.join(" ")} ended with ${code}:\n${printed}`);
}

async function run(args: string[]): Promise<{ child: ChildProcess; origin: string }> {
  const child = spawn(binary, args, { stdio: ["ignore", "ignore", "pipe"] });
  let printed = "";
  const origin = await new Promise<string>((up, failed) => {
    createInterface({ input: child.stderr }).on("line", (line) => {
      printed += `${line}\n`;
      const address = /serves GraphQL at (\S+)\/graphql/.exec(line);
      if (address?.[1]) up(address[1]);
    });
    child.once("error", failed);
    child.once("exit", (code, signal) => failed(new Error(`noetl-catalog ended with ${code ?? signal}:\n${printed}`)));
  });
  return { child, origin };
}
