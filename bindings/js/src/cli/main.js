// SPDX-License-Identifier: Apache-2.0
// The command line: finds the command, turns failures into one sentence and an exit code.
//   0  done        1  failed; standard error says why        2  called wrongly
import { parseArgs } from "node:util";
import { messageOf } from "../errors.js";
import { version } from "../release.js";
import { UsageError } from "./usage.js";

/**
 * @typedef {object} Command
 * @property {string} summary one line for the list of commands
 * @property {string} help
 * @property {import("node:util").ParseArgsConfig["options"]} options
 * @property {(values: Record<string, any>, positionals: string[]) => Promise<number>} run
 *   gives the exit code
 */

/** @type {Record<string, () => Promise<{ default: Command }>>} */
const commands = {
  classify: () => import("./classify.js"),
  run: () => import("./run.js"),
  convert: () => import("./convert.js"),
  inspect: () => import("./inspect.js"),
  diff: () => import("./diff.js"),
  verify: () => import("./verify.js"),
  batch: () => import("./batch.js"),
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
  const [name, ...rest] = args;
  try {
    return await dispatch(name, rest);
  } catch (error) {
    const usage = error instanceof UsageError;
    const hint = usage ? `; see \`mite ${name in commands ? `${name} ` : ""}--help\`` : "";
    console.error(`mite: ${messageOf(error).replace(/\s*\n\s*/g, " ")}${hint}`);
    return usage ? 2 : 1;
  }
}

/**
 * @param {string} name
 * @param {string[]} args
 */
async function dispatch(name, args) {
  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    console.log(await overview());
    return name === undefined ? 2 : 0;
  }
  if (name === "--version") {
    console.log(version);
    return 0;
  }
  if (!Object.hasOwn(commands, name)) throw new UsageError(`there is no command '${name}'`);
  const { default: command } = await commands[name]();
  const { values, positionals } = parse(command, args);
  if (values.help) {
    console.log(command.help);
    return 0;
  }
  return command.run(values, positionals);
}

async function overview() {
  const lines = await Promise.all(
    Object.entries(commands).map(async ([name, load]) => {
      const { default: command } = await load();
      return `  ${name.padEnd(10)}${command.summary}`;
    }),
  );
  return `usage: mite COMMAND …\n\n${lines.join("\n")}\n\nmite COMMAND --help tells more.`;
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
