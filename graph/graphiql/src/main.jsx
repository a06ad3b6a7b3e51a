// The page: GraphiQL with the plugins of this folder.
import "graphiql/setup-workers/vite";
import "graphiql/style.css";
import "@graphiql/plugin-explorer/style.css";
import "./page.css";

import { explorerPlugin } from "@graphiql/plugin-explorer";
import { GraphiQL, HISTORY_PLUGIN } from "graphiql";
import { createRoot } from "react-dom/client";
import { EditorColors, PanelLabels, TabList } from "./accessibility.jsx";
import { AnswerHint } from "./answer_hint.jsx";
import { AnswerLinks } from "./answer_links.jsx";
import { AddressBar, CopyLink, LinkedOperation, readLink } from "./deep_link.jsx";
import { Documentation, documentation } from "./documentation.jsx";
import { EditorOptions } from "./editor_options.jsx";
import { createFetcher } from "./fetcher.js";
import { hasRoom } from "./open_query.jsx";
import { firstTabs } from "./queries.js";
import { SessionHeaders, mergedHeaders, sessionHeaders } from "./session_headers.jsx";
import { isFirstVisit, storage } from "./storage.js";
import { useCases } from "./use_cases.jsx";

const endpoint = new URL("graphql", window.location.href);
const fetcher = createFetcher(endpoint, sessionHeaders);
// GraphiQL calls both this plugin and the documentation an explorer.
const queryBuilder = "Query Builder";
const plugins = [useCases, HISTORY_PLUGIN, { ...explorerPlugin({ title: queryBuilder }), title: queryBuilder }];
// Without these schemas, the variables editor would take JSON and DateTime for plain values.
const customScalarSchemas = { JSON: {}, DateTime: { type: "string", format: "date-time" } };

const link = readLink(window.location);
const firstVisit = isFirstVisit();
const tabs = firstVisit ? [...(link ? [link] : []), ...firstTabs] : undefined;
const opened = link ?? tabs?.[0];

// A link to another operation was opened in this browser tab.
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
    visiblePlugin={firstVisit && hasRoom() ? useCases : undefined}
    defaultEditorToolsVisibility={Boolean(link?.variables || link?.headers)}
  >
    <GraphiQL.Logo> </GraphiQL.Logo>
    <GraphiQL.Footer>
      <AnswerHint />
    </GraphiQL.Footer>
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
    <EditorOptions />
    <EditorColors />
    <TabList />
    <PanelLabels />
    <AnswerLinks />
    <AddressBar />
    <LinkedOperation name={link?.operationName} />
  </GraphiQL>,
);
