// All tabs share one set of headers, which is stored until the browser tab is closed, so that a
// token needs to be typed only once.
import { tryParseJSONC, useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import { useEffect } from "react";

const key = "headers";

/** Returns the headers typed in this browser tab as an object; undefined if there are none or they are not JSON. */
export function sessionHeaders() {
  return parsed(sessionStorage.getItem(key));
}

/** Returns the text for the headers editor. The headers of a link override those of the session. */
export function mergedHeaders(linked) {
  const added = parsed(linked);
  if (!added) return sessionStorage.getItem(key) ?? "";
  return JSON.stringify({ ...added, ...sessionHeaders() }, null, 2);
}

/** Stores typed headers, copies them to tabs without headers, and fetches a missing schema with them. */
export function SessionHeaders() {
  const { headerEditor, hasSchema } = useGraphiQL((state) => ({ headerEditor: state.headerEditor, hasSchema: Boolean(state.schema) }));
  const { introspect } = useGraphiQLActions();

  useEffect(() => {
    let settled;
    const changed = headerEditor?.onDidChangeModelContent(() => {
      const text = headerEditor.getValue();
      // If the editor has no focus, GraphiQL has cleared it for another tab.
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
