// A program whose requests and answers have types generated from the schema.
import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { print } from "graphql";
import { graphql } from "./generated/gql.js";
import type { ExecutionStatus } from "./generated/graphql.js";

export async function request<Data, Variables>(url: string, document: TypedDocumentNode<Data, Variables>, variables: Variables): Promise<Data> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ query: print(document), variables }),
  });
  const { data, errors } = (await response.json()) as { data: Data; errors?: { message: string }[] };
  if (errors?.[0]) throw new Error(errors[0].message);
  return data;
}

const Latest = graphql(`
  query Latest($path: String!) {
    resource(path: $path) {
      versionCount
      latestVersion {
        version
        payload
        timestamp
      }
      latestEvent {
        message
        execution {
          status
        }
      }
    }
  }
`);

export interface Summary {
  versions: number;
  label: string;
  registeredAt: Date;
  message: string | undefined;
  status: ExecutionStatus | undefined;
}

/** A summary of a resource; undefined if there is no such resource. */
export async function summary(url: string, path: string): Promise<Summary | undefined> {
  const { resource } = await request(url, Latest, { path });
  if (!resource) return undefined;
  // @ts-expect-error: the field does not exist
  resource.latestVersion.label;
  // @ts-expect-error: the event may be null
  resource.latestEvent.message;
  // @ts-expect-error: the path is a string
  const _wrong = () => request(url, Latest, { path: 1 });
  const count: number = resource.versionCount;
  return {
    versions: count,
    label: resource.latestVersion.version,
    registeredAt: new Date(resource.latestVersion.timestamp),
    message: resource.latestEvent?.message,
    status: resource.latestEvent?.execution?.status,
  };
}
