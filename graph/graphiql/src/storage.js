// The storage of GraphiQL in this browser, for tabs, history and theme. GraphiQL's history
// would include the headers and so a token.
const namespace = "graphiql:";
const histories = [`${namespace}queries`, `${namespace}favorites`];

/** A Storage for GraphiQL that stores no headers. */
export const storage = {
  getItem: (key) => localStorage.getItem(key),
  setItem: (key, value) => localStorage.setItem(key, histories.includes(key) ? withoutHeaders(value) : value),
  removeItem: (key) => localStorage.removeItem(key),
  get length() {
    return ours().length;
  },
  clear: () => {
    for (const key of ours()) localStorage.removeItem(key);
    sessionStorage.clear();
  },
};

/** Reports whether this browser has stored no tabs of an earlier visit. */
export function isFirstVisit() {
  return localStorage.getItem(`${namespace}tabState`) === null;
}

function ours() {
  return Object.keys(localStorage).filter((key) => key.startsWith(namespace));
}

function withoutHeaders(history) {
  return JSON.stringify(JSON.parse(history, (key, value) => (key === "headers" ? undefined : value)));
}
