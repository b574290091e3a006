// SPDX-License-Identifier: Apache-2.0
// Ed25519 for engines whose WebCrypto has none: a chunk of its own, which only they fetch. It holds
// noble-ed25519 (MIT), whose notice the bundle keeps.
import { verifyAsync } from "@noble/ed25519";

/**
 * As RFC 8032 and WebCrypto have it: points are in their only form, and no key is of small order.
 * @param {Uint8Array} signature
 * @param {Uint8Array} data
 * @param {Uint8Array} publicKey
 * @returns {Promise<boolean>}
 */
export const verify = (signature, data, publicKey) =>
  verifyAsync(signature, data, publicKey, { zip215: false });
