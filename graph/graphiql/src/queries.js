// The queries of examples/queries, one for each use case, built into the page.
const files = import.meta.glob("../../../examples/queries/*.graphql", { query: "?raw", import: "default", eager: true });

// The menu's groups, with the numbers that their files begin with.
const groupsByNumber = [
  ["Catalog", [1, 2, 3, 5, 13, 14]],
  ["Versions", [4, 6, 7]],
  ["Registration", [8, 9, 10]],
  ["References", [11, 12]],
  ["Runs", [16, 17, 18, 19]],
  ["Events and statistics", [15, 20, 24, 25]],
  ["Live", [21, 22, 23]],
];

const queries = Object.entries(files).map(([file, text]) => parse(Number(file.match(/(\d+)-[^/]*$/)[1]), text));
const byNumber = new Map(queries.map((query) => [query.number, query]));
const grouped = new Set(groupsByNumber.flatMap(([, numbers]) => numbers));

/** The queries by group; those of a number that no group has come last. */
export const groups = [
  ...groupsByNumber.map(([name, numbers]) => ({ name, queries: numbers.map((number) => byNumber.get(number)).filter(Boolean) })),
  { name: "More", queries: queries.filter(({ number }) => !grouped.has(number)) },
].filter((group) => group.queries.length > 0);

/** The tabs of a first visit: the three things that the schema's description says to try. */
export const firstTabs = [1, 8, 21].map((number) => ({ query: byNumber.get(number).query }));

// The query that shows what a field of an answer names; it has a variable of the field's name.
const nextByField = { path: byNumber.get(13), executionId: byNumber.get(16) };

/** The fields of answers that lead to a query. */
export const leadingFields = Object.keys(nextByField);

/** The query that shows what a field of an answer names: with its value as the variable's default. */
export function nextQuery(field, value) {
  const next = nextByField[field];
  const ofDefault = new RegExp(`(\\$${field}: String! = )"[^"]*"`);
  return { ...next, query: next.query.replace(ofDefault, (_, declared) => declared + JSON.stringify(value)) };
}

// A file begins with "# Title" and a description of several comment lines. They become
// one line, which the editor wraps to its own width.
function parse(number, text) {
  const [, title, comment, operation] = text.match(/^# (.*)\n((?:#.*\n)*)([^]*)$/);
  const description = comment.replace(/^# ?/gm, "").trim().replace(/\s+/g, " ");
  return { number, title, description, query: `# ${title}\n# ${description}\n${operation}` };
}
