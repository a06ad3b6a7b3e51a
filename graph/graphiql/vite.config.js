import { readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { brotliCompress, constants, gzip } from "node:zlib";
import { promisify } from "node:util";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const bundle = join(import.meta.dirname, "bundle");

export default defineConfig({
  // Relative URLs, so that the page works below any path of a proxy.
  base: "./",
  plugins: [react(), compressed()],
  worker: { format: "es" },
  build: {
    outDir: bundle,
    // Vite would remove .gitkeep, which go:embed needs; see clean.
    emptyOutDir: false,
    // No data: URLs, since the content security policy forbids them in scripts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // Monaco is large.
    chunkSizeWarningLimit: 6000,
    rolldownOptions: {
      // GraphiQL's packages keep directives for a compiler that has already run.
      onLog: (level, log, print) => log.code === "MODULE_LEVEL_DIRECTIVE" || print(level, log),
    },
  },
});

// compressed replaces each file of the bundle by a .br and a .gz file, which the server sends
// unchanged, to keep the binary small.
function compressed() {
  return {
    name: "compressed",
    apply: "build",
    buildStart: clean,
    async closeBundle(error) {
      if (error) return;
      for (const file of await builtFiles()) {
        const content = await readFile(file);
        const brotli = await promisify(brotliCompress)(content, {
          params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: content.length },
        });
        await writeFile(`${file}.br`, brotli);
        await writeFile(`${file}.gz`, await promisify(gzip)(content, { level: 9 }));
        await rm(file);
      }
    },
  };
}

async function clean() {
  for (const file of await builtFiles()) await rm(file);
}

async function builtFiles() {
  const entries = await readdir(bundle, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile() && entry.name !== ".gitkeep").map((entry) => join(entry.parentPath, entry.name));
}
