// SPDX-License-Identifier: Apache-2.0
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));
export const bench = join(root, "bench");
export const build = join(root, "build/bench");
export const shared = process.env.MITE_SHARED ?? join(root, "../shared");
