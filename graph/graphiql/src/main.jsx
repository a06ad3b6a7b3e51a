// The page: GraphiQL with the plugins of this folder.
import "graphiql/setup-workers/vite";
import "graphiql/style.css";
import "@graphiql/plugin-explorer/style.css";
import "./page.css";

import { explorerPlugin } from "@graphiql/plugin-explorer";
import { GraphiQL, HISTORY_PLUGIN } from "graphiql";
import { createRoot } from "react-dom/client";
import { AddressBar, CopyLink, LinkedOperation, readLink } from "./deep_link.jsx";
import { Documentation, documentation } from "./documentation.jsx";
import { examples } from "./examples.js";
import { createFetcher } from "./fetcher.js";
import { SessionHeaders, mergedHeaders, sessionHeaders } from "./session_headers.jsx";
import { isFirstVisit, storage } from "./storage.js";
import { WordWrap } from "./word_wrap.jsx";

const endpoint = new URL("graphql", window.location.href);
const fetcher = createFetcher(endpoint, sessionHeaders);
const plugins = [HISTORY_PLUGIN, { ...explorerPlugin(), title: "Query Builder" }];
// Without a schema of theirs, the variables editor would take these for plain values.
const customScalarSchemas = { JSON: {}, DateTime: { type: "string", format: "date-time" } };

// As in page.css.
const hasRoom = window.matchMedia("(min-width: 701px)").matches;

const link = readLink(window.location);
const tabs = isFirstVisit() ? [...(link ? [link] : []), ...examples] : undefined;
const opened = link ?? tabs?.[0];

// The link of another operation was opened in this very tab.
window.addEventListener("hashchange", () => window.location.reload());

createRoot(document.getElementById("page")).render(
  <GraphiQL
    fetcher={fetcher}
    plugins={plugins}
    referencePlugin={documentation}
    customScalarSchemas={customScalarSchemas}
    schemaDescription
    inputValueDeprecation
    storage={storage}
    shouldPersistHeaders={false}
    defaultTabs={tabs}
    initialQuery={opened?.query}
    initialVariables={opened && (opened.variables ?? "")}
    initialHeaders={mergedHeaders(link?.headers)}
    defaultEditorToolsVisibility={hasRoom}
  >
    <GraphiQL.Logo>
      <a className="graphiql-logo-link" href="schema.graphql" title="The whole schema as text">noetl-catalog</a>
    </GraphiQL.Logo>
    <GraphiQL.Toolbar>
      {({ prettify, merge, copy }) => (
        <>
          {prettify}
          {merge}
          {copy}
          <CopyLink />
        </>
      )}
    </GraphiQL.Toolbar>
    <Documentation />
    <SessionHeaders />
    <WordWrap />
    <AddressBar />
    <LinkedOperation name={link?.operationName} />
  </GraphiQL>,
);
