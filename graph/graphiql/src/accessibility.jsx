// Additions to GraphiQL for people with low vision and for users of screen readers.
import { useGraphiQL, useMonaco } from "@graphiql/react";
import { useEffect } from "react";

// Replacements of the colors whose contrast in GraphiQL's themes is less than 4.5.
const colors = {
  light: { lineNumber: "#1f6f87", comment: "#007000", number: "#087050", argument: "#6c69ce", primary: "#d60590", widget: "#ffffff" },
  dark: { lineNumber: "#a3a9b5", comment: "#86b972", number: "#b5cea8", argument: "#a8a3ff", primary: "#ff5794", widget: "#212a3b" },
};

/** Replaces GraphiQL's Monaco themes, which cannot be changed partially. */
export function EditorColors() {
  const monaco = useMonaco((state) => state.monaco);
  useEffect(() => {
    if (!monaco) return;
    for (const [theme, { lineNumber, comment, number, argument, primary, widget }] of Object.entries(colors)) {
      const onWidget = ["editorWidget", "editorHoverWidget", "editorSuggestWidget", "quickInput", "menu"].map((name) => [`${name}.background`, widget]);
      const inPrimary = ["focusBorder", "textLink.foreground", "textLink.activeForeground", "list.highlightForeground"].map((name) => [name, primary]);
      monaco.editor.defineTheme(`graphiql-${theme.toUpperCase()}`, {
        base: theme === "dark" ? "vs-dark" : "vs",
        inherit: true,
        colors: {
          ...Object.fromEntries([...onWidget, ...inPrimary]),
          "editor.background": "#ffffff00",
          "scrollbar.shadow": "#ffffff00",
          "editorLineNumber.foreground": lineNumber,
        },
        rules: [
          { token: "comment", foreground: comment },
          { token: "number", foreground: number },
          { token: "argument.identifier.gql", foreground: argument },
        ],
      });
    }
  }, [monaco]);
  return null;
}

/**
 * Gives the tabs the roles of a list, since each has two buttons and an element with the role "tab" must not contain any.
 * Scrolls to the active tab.
 */
export function TabList() {
  const [tabs, active] = useGraphiQL((state) => [state.tabs, state.activeTabIndex]);
  useEffect(() => {
    document.querySelector(".graphiql-tabs").setAttribute("role", "list");
    document.getElementById("graphiql-session").setAttribute("role", "region");
    document.querySelectorAll(".graphiql-tab").forEach((tab, index) => {
      tab.setAttribute("role", "listitem");
      tab.removeAttribute("aria-selected");
      tab.querySelector(".graphiql-tab-button").setAttribute("aria-current", index === active);
      if (index === active) tab.scrollIntoView({ block: "nearest", inline: "nearest" });
    });
  }, [tabs, active]);
  return null;
}

/** Labels the inputs of the query builder with their arguments, and the entries of the history with their text. */
export function PanelLabels() {
  const plugin = useGraphiQL((state) => state.visiblePlugin);
  useEffect(() => {
    const panel = document.querySelector(".graphiql-plugin");
    if (!plugin || !panel) return undefined;
    const label = () => {
      for (const input of panel.querySelectorAll("input:not([aria-label]), select:not([aria-label])")) {
        const argument = input.closest("[data-arg-name]")?.dataset.argName;
        if (argument) input.setAttribute("aria-label", argument);
        else if (input.localName === "select") input.setAttribute("aria-label", "Operation to add");
      }
      for (const entry of panel.querySelectorAll(".graphiql-history-item-label[aria-label]")) entry.removeAttribute("aria-label");
    };
    const observer = new MutationObserver(label);
    observer.observe(panel, { childList: true, subtree: true });
    label();
    return () => observer.disconnect();
  }, [plugin]);
  return null;
}
