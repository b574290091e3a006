// SPDX-License-Identifier: Apache-2.0
// mite registry remove: a version that no channel needs, or a channel.
import { UsageError } from "../usage.js";
import { changeHelp, changeList, changeOptions, readHow } from "./change.js";
import { removeChannel, removeVersion } from "./changes.js";
import { removeFile } from "./store.js";

/** @type {import("../main.js").Command} */
export default {
  summary: "remove a version that no channel needs, or a channel",
  help: `usage: mite registry remove NAME VERSION …
       mite registry remove NAME --channel CHANNEL …

Takes a version from the list, then its file from the folder; refused while a channel serves it or would
go back to it. With --channel a channel: pages that ask for it keep what they have.

  --channel CHANNEL   which
${changeHelp}`,
  options: { ...changeOptions, channel: { type: "string" } },
  async run(values, [name, version, ...others]) {
    const { channel } = values;
    if (!name || others.length || !version === !channel) {
      throw new UsageError("remove wants the name of a model, and a version or --channel");
    }
    const how = await readHow(values);
    let file = "";
    await changeList(
      how,
      (list) => {
        if (channel) {
          removeChannel(list, { name, channel, at: how.at });
          return `removed the channel ${channel} of ${name}`;
        }
        ({ file } = removeVersion(list, { name, version, at: how.at }));
        return `removed ${name} ${version} and its file ${file}`;
      },
      // The file goes last: a list that names a missing one would be worse than a file that no list names.
      { after: async () => void (file && (await removeFile(how.dir, file))) },
    );
    return 0;
  },
};
