import { useGraphiQL } from "@graphiql/react";
import { useEffect } from "react";

/** Wraps long lines in the editors, as GraphiQL does in its response only. */
export function WordWrap() {
  const editors = useGraphiQL((state) => [state.queryEditor, state.variableEditor, state.headerEditor]);
  useEffect(() => {
    for (const editor of editors) editor?.updateOptions({ wordWrap: "on" });
  }, [editors]);
  return null;
}
