// A Relay environment for the catalog, configured as in a frontend.
import { createClient as createSocket } from "graphql-ws";
import { Environment, Network, Observable, RecordSource, Store, type RequestParameters, type Variables } from "relay-runtime";

export function createEnvironment({ url, wsUrl }: { url: string; wsUrl: string }) {
  const socket = createSocket({ url: wsUrl });
  const fetchQuery = async ({ text }: RequestParameters, variables: Variables) => {
    const response = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/graphql-response+json" },
      body: JSON.stringify({ query: text, variables }),
    });
    return response.json();
  };
  const subscribe = ({ text }: RequestParameters, variables: Variables) =>
    Observable.create<any>((sink) => socket.subscribe({ query: text!, variables }, { ...sink, next: (value) => sink.next(value as any) }));
  const environment = new Environment({
    network: Network.create(fetchQuery, subscribe),
    store: new Store(new RecordSource()),
  });
  return { environment, dispose: async () => socket.dispose() };
}
