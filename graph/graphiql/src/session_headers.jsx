// One set of headers for all tabs, kept until the browser's tab is closed: a
// token is typed once.
import { tryParseJSONC, useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import { useEffect } from "react";

const key = "headers";

/** The headers typed in this browser tab, as an object; undefined where there are none or they are no JSON. */
export function sessionHeaders() {
  return parsed(sessionStorage.getItem(key));
}

/** The text for the headers editor: those of the session, and over them those of a link. */
export function mergedHeaders(linked) {
  const added = parsed(linked);
  if (!added) return sessionStorage.getItem(key) ?? "";
  return JSON.stringify({ ...added, ...sessionHeaders() }, null, 2);
}

/** Keeps what a person types as headers, puts it into tabs that have none, and fetches a schema that is missing with it. */
export function SessionHeaders() {
  const { headerEditor, hasSchema } = useGraphiQL((state) => ({ headerEditor: state.headerEditor, hasSchema: Boolean(state.schema) }));
  const { introspect } = useGraphiQLActions();

  useEffect(() => {
    let settled;
    const changed = headerEditor?.onDidChangeModelContent(() => {
      const text = headerEditor.getValue();
      // GraphiQL empties the editor for another tab; a person empties it by hand.
      if (!text && !headerEditor.hasTextFocus()) {
        const kept = sessionStorage.getItem(key);
        if (kept) queueMicrotask(() => headerEditor.setValue(kept));
        return;
      }
      sessionStorage.setItem(key, text);
      clearTimeout(settled);
      if (!hasSchema && parsed(text)) settled = setTimeout(introspect, 700);
    });
    return () => {
      clearTimeout(settled);
      changed?.dispose();
    };
  }, [headerEditor, hasSchema, introspect]);
  return null;
}

function parsed(text) {
  try {
    return tryParseJSONC(text ?? "");
  } catch {
    return undefined;
  }
}
