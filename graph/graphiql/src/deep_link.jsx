// Deep links: the fragment of the URL, which browsers do not send to servers, has the operation
// of the active tab. Opening a link runs nothing.
import { pick, ToolbarButton, tryParseJSONC, useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import { useEffect, useRef, useState } from "react";
import { LinkIcon, LinkedIcon } from "./icons.jsx";

// Browsers limit how often the URL may change.
const settleMillis = 400;

const secret = /authorization|cookie|token|secret|key|password|session/i;

/** Returns the operation in the fragment or, as other tools write it, in the query of a URL; undefined if there is none. */
export function readLink({ hash, search }) {
  for (const text of [hash.slice(1), search]) {
    const named = new URLSearchParams(text);
    if (!named.get("query")) continue;
    return {
      query: named.get("query"),
      variables: named.get("variables") ?? undefined,
      headers: named.get("headers") ?? undefined,
      operationName: named.get("operationName") ?? undefined,
    };
  }
  return undefined;
}

/** Returns the URL of a tab's operation with its headers, except those that look like secrets. */
export function linkTo(tab) {
  const named = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...tab, headers: withoutSecrets(tab?.headers) })) {
    if (["query", "variables", "headers", "operationName"].includes(name) && value?.trim()) named.set(name, value);
  }
  const address = new URL(window.location.pathname, window.location.href);
  // A tab without a query has no link.
  if (named.has("query")) address.hash = named.toString();
  return address.href;
}

function withoutSecrets(headers) {
  try {
    const shared = Object.entries(tryParseJSONC(headers ?? "") ?? {}).filter(([name]) => !secret.test(name));
    return shared.length > 0 ? JSON.stringify(Object.fromEntries(shared)) : undefined;
  } catch {
    return undefined;
  }
}

/** Moves the cursor to the operation that a link names, so that GraphiQL runs it. */
export function LinkedOperation({ name }) {
  const { queryEditor, operations } = useGraphiQL(pick("queryEditor", "operations"));
  const { setOperationName } = useGraphiQLActions();
  const found = useRef(false);
  useEffect(() => {
    const linked = name && operations?.find((operation) => operation.name?.value === name);
    if (!linked || found.current || operations.length < 2) return;
    found.current = true;
    setOperationName(name);
    const start = queryEditor.getModel().getPositionAt(linked.loc.start);
    queryEditor.setPosition(start);
    queryEditor.revealPositionInCenter(start);
    queryEditor.focus();
  }, [name, operations, queryEditor, setOperationName]);
  return null;
}

/** Keeps the active tab's URL in the address bar. */
export function AddressBar() {
  const tab = useActiveTab();
  useEffect(() => {
    const settled = setTimeout(() => window.history.replaceState(null, "", linkTo(tab)), settleMillis);
    return () => clearTimeout(settled);
  }, [tab]);
  return null;
}

/** A button that copies the active tab's URL. */
export function CopyLink() {
  const tab = useActiveTab();
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return undefined;
    const over = setTimeout(() => setCopied(false), 2000);
    return () => clearTimeout(over);
  }, [copied]);
  const copy = () => {
    // Browsers provide the clipboard on https and localhost only.
    if (!navigator.clipboard) throw new Error("The link is the address in the address bar");
    navigator.clipboard.writeText(linkTo(tab)).then(() => setCopied(true), () => setCopied(false));
  };
  return (
    <ToolbarButton onClick={copy} label={copied ? "Link copied" : "Copy link (without secrets)"}>
      {copied ? <LinkedIcon /> : <LinkIcon />}
    </ToolbarButton>
  );
}

function useActiveTab() {
  return useGraphiQL((state) => state.tabs[state.activeTabIndex]);
}
