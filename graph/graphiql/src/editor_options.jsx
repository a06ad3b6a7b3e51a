import { useGraphiQL } from "@graphiql/react";
import { useEffect } from "react";

/**
 * Wraps long lines in all editors, not only in the response, and always shows the scrollbars
 * of editors whose content overflows, not only below the pointer.
 */
export function EditorOptions() {
  const editors = useGraphiQL((state) => [state.queryEditor, state.variableEditor, state.headerEditor, state.responseEditor]);
  useEffect(() => {
    for (const editor of editors) editor?.updateOptions({ wordWrap: "on", scrollbar: { vertical: "visible" } });
  }, [editors]);
  return null;
}
