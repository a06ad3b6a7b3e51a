// One set of headers for all tabs, stored until the browser tab is closed, so that a
// token is typed once.
import { tryParseJSONC, useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import { useEffect } from "react";

const key = "headers";

/** The headers typed in this browser tab, as an object; undefined if there are none or they are not JSON. */
export function sessionHeaders() {
  return parsed(sessionStorage.getItem(key));
}

/** The text for the headers editor: a link's headers override the session's. */
export function mergedHeaders(linked) {
  const added = parsed(linked);
  if (!added) return sessionStorage.getItem(key) ?? "";
  return JSON.stringify({ ...added, ...sessionHeaders() }, null, 2);
}

/** Stores the headers typed, copies them to tabs without any, and fetches a missing schema with them. */
export function SessionHeaders() {
  const { headerEditor, hasSchema } = useGraphiQL((state) => ({ headerEditor: state.headerEditor, hasSchema: Boolean(state.schema) }));
  const { introspect } = useGraphiQLActions();

  useEffect(() => {
    let settled;
    const changed = headerEditor?.onDidChangeModelContent(() => {
      const text = headerEditor.getValue();
      // Without focus, GraphiQL has cleared the editor for another tab.
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
