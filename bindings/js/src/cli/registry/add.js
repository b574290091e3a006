// SPDX-License-Identifier: Apache-2.0
// mite registry add: a model file becomes a version.
import { basename, extname } from "node:path";
import { MiteError, messageOf } from "../../errors.js";
import { isVersion } from "../../field/manifest.js";
import { version as mite } from "../../release.js";
import { kindOfBytes } from "../../sniff.js";
import { UsageError, bytesText, makeFolder, readWhole } from "../usage.js";
import {
  changeHelp, changeList, changeOptions, percentOf, plainName, readHow,
} from "./change.js";
import { addVersion, promote } from "./changes.js";
import { checkModel } from "./model.js";
import { hashOf, moveIn, readList, removeFile, writePartial } from "./store.js";

/** @typedef {import("../../field/manifest.js").Version} Version */

const HASH_DIGITS = 8;

/** @type {import("../main.js").Command} */
export default {
  summary: "copy a .mite file into the folder and list it as a version",
  help: `usage: mite registry add FILE.mite --name NAME --version VERSION [--channel canary [--percent 10]] …

Loads the model, runs its self-test, copies it to NAME-VERSION-HASH.mite and lists it. Nothing serves it
until it is promoted to a channel, here by --channel or later by \`mite registry promote\`.

  --name NAME        of the model (the one in its metadata)
  --version VERSION  of the model; a version never changes afterwards
  --channel CHANNEL  also have this channel serve it
  --percent N        to so many of 100 devices (100)
  --runtime MIN      the least version of mite that can run it (this one: ${mite})
${changeHelp}`,
  options: {
    ...changeOptions,
    name: { type: "string" },
    version: { type: "string" },
    channel: { type: "string" },
    percent: { type: "string" },
    runtime: { type: "string", default: mite },
  },
  async run(values, [file, ...others]) {
    if (!file || others.length) throw new UsageError("add wants one .mite file");
    if (values.percent !== undefined && !values.channel) throw new UsageError("--percent goes with --channel");
    if (!values.version) throw new UsageError("add wants --version VERSION, such as 1.0.0");
    const version = plainName(values.version, "version");
    const channel = values.channel && plainName(values.channel, "channel");
    const percent = percentOf(values.percent);
    const { runtime } = values;
    if (!isVersion(runtime)) throw new UsageError(`--runtime wants a version of mite such as 0.1.0, not '${runtime}'`);
    const how = await readHow(values);

    const bytes = await readModel(file);
    const { selfTest, metadata } = await checkModel(bytes).catch((error) => {
      throw new MiteError("format", `${file} cannot be added: ${messageOf(error)}`, { cause: error });
    });
    const name = plainName(values.name ?? metadata.name ?? "", "--name");
    const sha256 = hashOf(bytes);
    /** @type {Version} */
    const record = {
      file: `${name}-${version}-${sha256.slice(0, HASH_DIGITS)}.mite`,
      sha256,
      bytes: bytes.length,
      runtime,
      added: how.at,
    };
    const { discard, ...steps } = how.dryRun ? {} : await copy(how.dir, bytes, record);
    try {
      await changeList(
        how,
        (list) => {
          addVersion(list, { name, version, record });
          if (channel) promote(list, { name, version, channel, percent, at: how.at });
          const to = channel ? `, ${channel} serves it to ${percent} %` : ", no channel serves it yet";
          return `added ${name} ${version}, ${record.file}, ${bytesText(bytes.length)}, ${selfTest}${to}`;
        },
        { begin: true, ...steps },
      );
    } finally {
      await discard?.();
    }
    return 0;
  },
};

/** @param {string} file */
async function readModel(file) {
  const bytes = new Uint8Array(await readWhole(file));
  const kind = kindOfBytes(bytes);
  if (kind === "a .mite file") return bytes;
  const found = kind ? `is ${kind}` : "is no .mite file";
  const output = `${basename(file, extname(file))}.mite`;
  const way = /ONNX|TensorFlow/.test(kind ?? "") ? `convert it first: mite convert ${file} -o ${output}` : "give a .mite file";
  throw new MiteError("format", `${file} ${found}; ${way}`);
}

/**
 * Writes the model beside the list, so that only its renaming is left to be done while others wait.
 * @param {string} dir
 * @param {Uint8Array} bytes those that were checked, whatever happens to the file meanwhile
 * @param {Version} record
 * @returns {Promise<{ before?: () => Promise<void>, discard?: () => Promise<void> }>} puts it under its name;
 *   takes away what was not put there
 */
async function copy(dir, bytes, { file }) {
  await makeFolder(dir);
  await readList(dir); // a list that cannot be read is told before anything is copied
  const partial = await writePartial(dir, bytes);
  return {
    before: () => moveIn(dir, partial, file),
    discard: () => removeFile(dir, partial),
  };
}
