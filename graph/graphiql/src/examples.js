// The tabs of a first visit. They work on the example playbooks.
const tab = (query, variables) => ({ query, variables: variables && JSON.stringify(variables, null, 2) });

const greeting = `apiVersion: noetl.io/v2
kind: Playbook
metadata:
  name: greeting
  path: graphiql/greeting
  description: Registered from GraphiQL.
workload:
  greeting: Hello
`;

export const examples = [
  tab(
    `# The catalog's page: each playbook with its latest
# version and its newest event. Run it with the button
# on the right, or with Ctrl-Enter.
query CatalogPage($first: Int, $filter: ResourceFilter) {
  resources(
    first: $first
    filter: $filter
    orderBy: {field: UPDATED_AT, direction: DESC}
  ) {
    totalCount
    pageInfo {
      hasNextPage
      endCursor
    }
    nodes {
      path
      name
      description
      versionCount
      latestVersion {
        version
        timestamp
      }
      latestEvent {
        message
        timestamp
      }
    }
  }
}
`,
    { first: 10, filter: { pathPrefix: "examples/" } },
  ),
  tab(
    `# One playbook with its versions, newest first, and what
# each of them changed: JSON pointers into the payload.
query OneResource($path: String!) {
  resource(path: $path) {
    name
    description
    type {
      name
    }
    versions(first: 5) {
      totalCount
      nodes {
        version
        isLatest
        timestamp
        diff {
          base {
            version
          }
          changes {
            kind
            pointer
            before
            after
          }
        }
      }
    }
  }
}
`,
    { path: "examples/http/weather_fetch" },
  ),
  tab(
    `# What has happened, newest first. Variables, below:
# endCursor as "after" brings the next page; tailCursor as
# "after" of LiveEvents goes on live without a gap.
query EventTimeline($first: Int, $after: String, $filter: EventFilter) {
  events(first: $first, after: $after, filter: $filter) {
    tailCursor
    pageInfo {
      hasNextPage
      endCursor
    }
    nodes {
      timestamp
      message
      path
      version {
        version
      }
      executionId
      step
      status
    }
  }
}
`,
    { first: 20, filter: { pathPrefix: "examples/" } },
  ),
  tab(
    `# Live events, as they are recorded. Run it, open this
# page in a second window, run RegisterPlaybook there, and
# watch the event arrive here. A lost connection is opened
# again, and goes on after the last cursor.
subscription LiveEvents($filter: EventFilter, $after: String) {
  eventRecorded(filter: $filter, after: $after) {
    event {
      timestamp
      message
      path
      version {
        version
      }
    }
    live
    cursor
  }
}
`,
    { filter: { types: ["REGISTERED", "UPDATED", "UNCHANGED"] } },
  ),
  tab(
    `# Registers a playbook from its YAML text, in Variables,
# below; its metadata.path and kind say where and what.
# Run it twice: the second answer is UNCHANGED. With
# another text it is UPDATED, and has a new version.
mutation RegisterPlaybook($yaml: String!) {
  registerResource(input: {payload: {yaml: $yaml}}) {
    status
    version {
      path
      version
      revision
      payload
    }
    event {
      message
      timestamp
    }
  }
}
`,
    { yaml: greeting },
  ),
];
