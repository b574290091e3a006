// SPDX-License-Identifier: Apache-2.0
// The command line: finds the command, turns failures into one sentence and an exit code.
//   0  done        1  failed; standard error says why        2  called wrongly
import { parseArgs } from "node:util";
import { messageOf } from "../errors.js";
import { version } from "../release.js";
import { UsageError, printable } from "./usage.js";

/**
 * @typedef {object} Command
 * @property {string} summary one line for the list of commands
 * @property {string} help
 * @property {import("node:util").ParseArgsConfig["options"]} options
 * @property {(values: Record<string, any>, positionals: string[]) => Promise<number>} run
 *   gives the exit code
 */

/**
 * A command that has commands of its own.
 * @typedef {object} Group
 * @property {string} summary
 * @property {string} about what stands between the usage line and the list
 * @property {Table} commands
 */
/** @typedef {Record<string, () => Promise<{ default: Command | Group }>>} Table */

/** @type {Table} */
const commands = {
  classify: () => import("./classify.js"),
  run: () => import("./run.js"),
  convert: () => import("./convert.js"),
  inspect: () => import("./inspect.js"),
  diff: () => import("./diff.js"),
  verify: () => import("./verify.js"),
  batch: () => import("./batch.js"),
  registry: () => import("./registry.js"),
};

/**
 * @param {string[]} args
 * @returns {Promise<number>} the exit code
 */
export async function main(args) {
  // A reader that has seen enough (`mite … | head`) is no failure.
  process.stdout.on("error", (error) => {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== "EPIPE") throw error;
  });
  const path = ["mite"];
  try {
    return await dispatch({ summary: "", about: "", commands }, args, path);
  } catch (error) {
    const usage = error instanceof UsageError;
    const hint = usage ? `; see \`${path.join(" ")} --help\`` : "";
    console.error(`mite: ${printable(messageOf(error).replace(/\s*\n\s*/g, " "))}${hint}`);
    return usage ? 2 : 1;
  }
}

/**
 * @param {Group} group
 * @param {string[]} args
 * @param {string[]} path the words that led here; the ones that lead on are added
 * @returns {Promise<number>}
 */
async function dispatch(group, [name, ...args], path) {
  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    if (name === "help" && args.length) return dispatch(group, [...args, "--help"], path);
    console.log(await overview(group, path.join(" ")));
    return name === undefined ? 2 : 0;
  }
  if (name === "--version" && path.length === 1) {
    console.log(version);
    return 0;
  }
  if (!Object.hasOwn(group.commands, name)) {
    throw new UsageError(`there is no command '${[...path.slice(1), name].join(" ")}'`);
  }
  path.push(name);
  const { default: command } = await group.commands[name]();
  if ("commands" in command) return dispatch(command, args, path);
  const { values, positionals } = parse(command, args);
  if (values.help) {
    console.log(command.help);
    return 0;
  }
  return command.run(values, positionals);
}

/**
 * @param {Group} group
 * @param {string} path
 */
async function overview(group, path) {
  const lines = await Promise.all(
    Object.entries(group.commands).map(async ([name, load]) => {
      const { default: command } = await load();
      return `  ${name.padEnd(10)}${command.summary}`;
    }),
  );
  const parts = [`usage: ${path} COMMAND …`, group.about, lines.join("\n"), `${path} COMMAND --help tells more.`];
  return parts.filter(Boolean).join("\n\n");
}

/**
 * @param {Command} command
 * @param {string[]} args
 */
function parse({ options }, args) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: { ...options, help: { type: "boolean", short: "h" } },
    });
  } catch (error) {
    throw new UsageError(messageOf(error).split(". ")[0]);
  }
}
