// The menu of use cases, below the description of the schema as an introduction.
import { MarkdownContent, useGraphiQL } from "@graphiql/react";
import { MenuIcon } from "./icons.jsx";
import { useOpenQuery } from "./open_query.jsx";
import { groups } from "./queries.js";

/** The plugin in GraphiQL's sidebar. */
export const useCases = {
  title: "Use cases",
  icon: MenuIcon,
  content: function Content() {
    const introduction = useGraphiQL((state) => state.schema?.description);
    const open = useOpenQuery();
    return (
      <nav className="use-cases" aria-label="Use cases">
        {introduction && <MarkdownContent type="description">{introduction}</MarkdownContent>}
        {groups.map(({ name, queries }) => (
          <section key={name} aria-labelledby={`use-cases-${queries[0].number}`}>
            <h2 id={`use-cases-${queries[0].number}`}>{name}</h2>
            <ul>
              {queries.map((query) => (
                <li key={query.number}>
                  <button type="button" title={query.description} onClick={() => open(query)}>
                    {query.title}
                  </button>
                </li>
              ))}
            </ul>
          </section>
        ))}
      </nav>
    );
  },
};
