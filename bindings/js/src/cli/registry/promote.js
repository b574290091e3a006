// SPDX-License-Identifier: Apache-2.0
// mite registry promote: a channel serves another version, or the same to more devices.
import { MiteError } from "../../errors.js";
import { UsageError } from "../usage.js";
import { changeHelp, changeList, changeOptions, percentOf, plainName, readHow } from "./change.js";
import { STABLE, entryOf, promote, versionOf } from "./changes.js";
import { faultOf } from "./store.js";

/** @type {import("../main.js").Command} */
export default {
  summary: "have a channel serve a version, to all devices or a share of them",
  help: `usage: mite registry promote NAME VERSION [--to CHANNEL] [--percent N] …

The channel serves VERSION to N of 100 devices. The others, and those on which it turns out not to work,
keep the version that all of them had before. Run it again with a greater N to go on. The version's
file is checked first.

  --to CHANNEL    which (${STABLE}); one that is new begins with what ${STABLE} serves
  --percent N     to so many of 100 devices (100); a smaller share than before takes it back from some
${changeHelp}`,
  options: {
    ...changeOptions,
    to: { type: "string", default: STABLE },
    percent: { type: "string" },
  },
  async run(values, [name, version, ...others]) {
    if (!name || !version || others.length) throw new UsageError("promote wants the name of a model and a version");
    const channel = plainName(values.to, "channel");
    const percent = percentOf(values.percent);
    const how = await readHow(values);
    await changeList(how, async (list) => {
      const fault = await faultOf(how.dir, versionOf(entryOf(list, name), name, version));
      if (fault) throw new MiteError("format", `${name} ${version} cannot be promoted: ${fault}`);
      promote(list, { name, version, channel, percent, at: how.at });
      const { otherwise } = entryOf(list, name).channels[channel];
      const rest = otherwise ? `, ${otherwise} to the others` : "";
      return `${channel} of ${name} serves ${version} to ${percent} % of the devices${percent < 100 ? rest : ""}`;
    });
    return 0;
  },
};
