// SPDX-License-Identifier: Apache-2.0
import { classify } from "./classify.js";

classify().then(postMessage, (error) => postMessage({ error: String(error) }));
