// The queries of examples/queries, one for each use case, which are part of the bundle.
const files = import.meta.glob("../../../examples/queries/*.graphql", { query: "?raw", import: "default", eager: true });

// The groups of the menu, with the numbers of their files.
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

/** The queries by group; those whose number is in no group come last. */
export const groups = [
  ...groupsByNumber.map(([name, numbers]) => ({ name, queries: numbers.map((number) => byNumber.get(number)).filter(Boolean) })),
  { name: "More", queries: queries.filter(({ number }) => !grouped.has(number)) },
].filter((group) => group.queries.length > 0);

/** The tabs of a first visit: the three queries that the schema's description suggests. */
export const firstTabs = [1, 8, 21].map((number) => ({ query: byNumber.get(number).query }));

// The query to which a field of an answer links; it has a variable with the field's name.
const nextByField = { path: byNumber.get(13), executionId: byNumber.get(16) };

/** The fields of answers that link to a query. */
export const leadingFields = Object.keys(nextByField);

/** Returns the query to which a field of an answer links, with the value as the variable's default. */
export function nextQuery(field, value) {
  const next = nextByField[field];
  const ofDefault = new RegExp(`(\\$${field}: String! = )"[^"]*"`);
  return { ...next, query: next.query.replace(ofDefault, (_, declared) => declared + JSON.stringify(value)) };
}

// A file begins with "# Title" and a description of several comment lines. They are joined to
// one line, which the editor wraps.
function parse(number, text) {
  const [, title, comment, operation] = text.match(/^# (.*)\n((?:#.*\n)*)([^]*)$/);
  const description = comment.replace(/^# ?/gm, "").trim().replace(/\s+/g, " ");
  return { number, title, description, query: `# ${title}\n# ${description}\n${operation}` };
}
