// SPDX-License-Identifier: Apache-2.0
// mite registry rollback: a channel serves the version before again.
import { MiteError } from "../../errors.js";
import { UsageError } from "../usage.js";
import { changeHelp, changeList, changeOptions, readHow } from "./change.js";
import { STABLE, entryOf, rollBack, versionOf } from "./changes.js";
import { faultOf } from "./store.js";

/** @type {import("../main.js").Command} */
export default {
  summary: "have a channel serve the version before again, to all devices",
  help: `usage: mite registry rollback NAME [--channel CHANNEL] …

All devices of the channel get the version that they had before the last one was promoted; run again,
the one before that. The list's serial grows all the same, so that devices take it for what it is:
the newest word. The version's file is checked first.

  --channel CHANNEL   which (${STABLE})
${changeHelp}`,
  options: { ...changeOptions, channel: { type: "string", default: STABLE } },
  async run(values, [name, ...others]) {
    if (!name || others.length) throw new UsageError("rollback wants the name of a model");
    const how = await readHow(values);
    const { channel } = values;
    await changeList(how, async (list) => {
      const { from, to } = rollBack(list, { name, channel, at: how.at });
      const fault = await faultOf(how.dir, versionOf(entryOf(list, name), name, to));
      if (fault) throw new MiteError("format", `${name} cannot go back to ${to}: ${fault}`);
      return `${channel} of ${name} went back from ${from} to ${to}, on all devices`;
    });
    return 0;
  },
};
