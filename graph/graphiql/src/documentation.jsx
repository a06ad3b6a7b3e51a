// The documentation explorer, which also shows why the schema could not be loaded.
import { DocExplorer, DocExplorerStore } from "@graphiql/plugin-doc-explorer";
import { Button, DocsFilledIcon, DocsIcon, pick, useGraphiQL, useGraphiQLActions } from "@graphiql/react";

/** The plugin that replaces GraphiQL's documentation explorer. */
export const documentation = {
  // GraphiQL's shortcut for the search finds the button by this title.
  title: "Documentation Explorer",
  icon: function Icon() {
    const shown = useGraphiQL((state) => state.visiblePlugin === documentation);
    return shown ? <DocsFilledIcon /> : <DocsIcon />;
  },
  content: function Content() {
    const failed = useGraphiQL((state) => Boolean(state.fetchError) && !state.isIntrospecting);
    return failed ? <Missing /> : <DocExplorer />;
  },
};

/** Opens the documentation of a name when it is clicked in the editor. */
export function Documentation() {
  return <DocExplorerStore>{null}</DocExplorerStore>;
}

function Missing() {
  const { fetchError } = useGraphiQL(pick("fetchError"));
  const { introspect } = useGraphiQLActions();
  const error = firstError(fetchError);
  return (
    <section className="graphiql-doc-explorer missing-schema" aria-label="Documentation Explorer">
      <div className="graphiql-doc-explorer-title">Docs</div>
      <p className="graphiql-doc-explorer-error">The schema could not be loaded: {error.message}</p>
      {error.extensions?.code === "UNAUTHENTICATED" && (
        <p>
          This server asks for a token. Type it under <b>Headers</b>, below the query:
          <code>{'{"Authorization": "Bearer …"}'}</code>
          It stays in this browser tab, and is used for every request.
        </p>
      )}
      <Button onClick={introspect}>Load again</Button>
    </section>
  );
}

// GraphiQL stores the response as text.
function firstError(text) {
  try {
    return JSON.parse(text).errors[0];
  } catch {
    return { message: text };
  }
}
