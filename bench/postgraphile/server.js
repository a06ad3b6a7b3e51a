// PostGraphile on the database of the measurements, set up as its documentation recommends
// for production. It has no pgSettings, which makes it faster.
import { createServer } from "node:http";
import { grafserv } from "postgraphile/grafserv/node";
import { postgraphile } from "postgraphile";
import { makePgService } from "postgraphile/adaptors/pg";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { jsonPgSmartTags } from "postgraphile/utils";

const [, , flag, listen = "127.0.0.1:5678"] = process.argv;
if (flag !== "--listen") throw new Error("usage: node server.js --listen HOST:PORT");
const [host, port] = listen.split(":");

// Some relations of the schema are maintained by triggers and have no foreign keys.
const relations = jsonPgSmartTags({
  version: 1,
  config: {
    class: {
      resource: {
        tags: {
          foreignKey: "(resource_path, latest_version) references catalog (resource_path, resource_version)|@fieldName latest",
        },
      },
      catalog: { tags: { foreignKey: "(resource_path) references resource (resource_path)|@fieldName resource|@foreignFieldName versions" } },
      event: { tags: { foreignKey: "(resource_path) references resource (resource_path)|@fieldName resource" } },
    },
  },
});

const instance = postgraphile({
  extends: [PostGraphileAmberPreset],
  plugins: [relations],
  pgServices: [
    makePgService({
      connectionString: process.env.DATABASE_URL,
      schemas: ["public"],
      poolConfig: { max: 16 },
    }),
  ],
  grafast: { explain: false },
  grafserv: { graphqlPath: "/graphql", graphiql: false, watch: false },
});

const handle = instance.createServ(grafserv).createHandler();
await instance.getSchema();
createServer((request, response) => {
  if (request.url === "/readyz") return response.end("ready\n");
  return handle(request, response);
}).listen(Number(port), host);
