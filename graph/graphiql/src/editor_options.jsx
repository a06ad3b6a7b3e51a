import { useGraphiQL } from "@graphiql/react";
import { useEffect } from "react";

/**
 * Wraps long lines in the editors, as GraphiQL does in its response only, and shows
 * their scrollbars wherever there is more than fits, not only below the pointer.
 */
export function EditorOptions() {
  const editors = useGraphiQL((state) => [state.queryEditor, state.variableEditor, state.headerEditor, state.responseEditor]);
  useEffect(() => {
    for (const editor of editors) editor?.updateOptions({ wordWrap: "on", scrollbar: { vertical: "visible" } });
  }, [editors]);
  return null;
}
