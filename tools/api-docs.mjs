// SPDX-License-Identifier: Apache-2.0
// Writes the reference of the package's entries, docs/api/, from their types:
//   node tools/api-docs.mjs [FOLDER]
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { Application } from "typedoc";

const path = (/** @type {string} */ relative) => fileURLToPath(new URL(`../${relative}`, import.meta.url));
const manifest = JSON.parse(await readFile(path("bindings/js/package.json"), "utf8"));
/** @type {{ types?: string }[]} */
const exported = Object.values(manifest.exports);
const types = new Set(exported.flatMap((target) => target.types ?? []));

/** @type {Record<string, unknown>} The plugin's options have no types of their own here. */
const options = {
  plugin: ["typedoc-plugin-markdown"],
  entryPoints: [...types].map((file) => path(`bindings/js/${file}`)),
  tsconfig: path("tsconfig.json"),
  readme: "none",
  disableSources: true,
  excludeExternals: true,
  hidePageHeader: true,
  hideBreadcrumbs: true,
  outputFileStrategy: "modules",
  parametersFormat: "table",
  interfacePropertiesFormat: "table",
  typeAliasPropertiesFormat: "table",
  propertyMembersFormat: "table",
  name: "The package's reference, made from its types by `make docs-api`",
  out: process.argv[2] ?? path("docs/api"),
  logLevel: "Warn",
  treatWarningsAsErrors: true,
};
const app = await Application.bootstrapWithPlugins(options);
const project = await app.convert();
if (!project) process.exit(1);
await app.generateOutputs(project);
if (app.logger.hasErrors() || app.logger.hasWarnings()) process.exit(1);
