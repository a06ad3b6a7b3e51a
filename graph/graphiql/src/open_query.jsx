import { pick, useGraphiQL, useGraphiQLActions } from "@graphiql/react";

/** Returns a function that opens a query in a new tab, or activates the tab that has it unchanged. */
export function useOpenQuery() {
  const { tabs, queryEditor } = useGraphiQL(pick("tabs", "queryEditor"));
  const { addTab, changeTab, updateActiveTabValues } = useGraphiQLActions();
  return ({ query }) => {
    const index = tabs.findIndex((tab) => tab.query === query && !tab.variables);
    if (index >= 0) {
      changeTab(index);
    } else {
      addTab();
      // The editor reports changes with a delay, when another tab may be active.
      updateActiveTabValues({ query });
      queryEditor.setValue(query);
    }
    if (hasRoom()) queryEditor.focus();
    // On a phone, a plugin covers the editors, and only its button closes it.
    else document.querySelector(".graphiql-sidebar button.active")?.click();
  };
}

/** Reports whether the page shows its panes side by side; page.css has the same condition. */
export function hasRoom() {
  return window.matchMedia("(min-width: 701px)").matches;
}
