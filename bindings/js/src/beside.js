// SPDX-License-Identifier: Apache-2.0
// Files in a model's own folder, and nothing outside of it, whatever the model says. Node only.
import { nodeModule } from "./platform.js";

/**
 * Reads parts of files that lie beside a model or below its folder.
 * @param {string} model path of the model
 * @returns {(name: string, offset: number, bytes: number) => Uint8Array | undefined}
 */
export function filesBeside(model) {
  const { closeSync, openSync, readSync, realpathSync } = nodeModule("node:fs");
  const { dirname, join, sep } = nodeModule("node:path");
  const folder = realpathSync(dirname(model));
  return (name, offset, bytes) => {
    let file;
    try {
      const path = realpathSync(join(folder, name)); // where links lead counts
      if (!path.startsWith(folder.endsWith(sep) ? folder : folder + sep)) return undefined;
      file = openSync(path, "r");
      const part = new Uint8Array(bytes);
      for (let done = 0; done < bytes;) {
        const count = readSync(file, part, done, Math.min(bytes - done, 1 << 30), offset + done);
        if (!count) return undefined;
        done += count;
      }
      return part;
    } catch {
      return undefined; // the converter says that it cannot be read
    } finally {
      if (file !== undefined) closeSync(file);
    }
  };
}
