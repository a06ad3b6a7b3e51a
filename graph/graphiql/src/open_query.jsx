import { pick, useGraphiQL, useGraphiQLActions } from "@graphiql/react";

/** Returns a function that opens a query in a tab of its own, or shows the tab that has it unchanged. */
export function useOpenQuery() {
  const { tabs, queryEditor } = useGraphiQL(pick("tabs", "queryEditor"));
  const { addTab, changeTab, updateActiveTabValues } = useGraphiQLActions();
  return ({ query }) => {
    const index = tabs.findIndex((tab) => tab.query === query && !tab.variables);
    if (index >= 0) {
      changeTab(index);
    } else {
      addTab();
      // The editor reports a change only after a while, when another tab may be active.
      updateActiveTabValues({ query });
      queryEditor.setValue(query);
    }
    if (hasRoom()) queryEditor.focus();
    // On a phone, a plugin covers the editors, and only its button closes it altogether.
    else document.querySelector(".graphiql-sidebar button.active")?.click();
  };
}

/** Whether the page shows its panes side by side; as in page.css. */
export function hasRoom() {
  return window.matchMedia("(min-width: 701px)").matches;
}
