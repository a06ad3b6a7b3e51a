import { pick, useGraphiQL } from "@graphiql/react";

/** Shows a hint in the response pane until there is an answer. */
export function AnswerHint() {
  const { isFetching, fetchError, response } = useGraphiQL((state) => ({
    ...pick("isFetching", "fetchError")(state),
    response: state.tabs[state.activeTabIndex]?.response,
  }));
  if (isFetching || fetchError || response) return null;
  return (
    <div className="answer-hint">
      <p>Press the run button beside the query<span className="with-keyboard">, or Ctrl-Enter</span>. The answer appears here.</p>
      <p>A path or an execution id in it opens the next query.</p>
    </div>
  );
}
