// SPDX-License-Identifier: Apache-2.0
// The keys that lists of models are signed with: Ed25519, private ones as PEM (PKCS#8), public ones as the 32
// bytes in base64 that openModel takes. A private key is read, used, and never printed.
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { MiteError, messageOf } from "../../errors.js";
import { fromBase64, keyName, signedBytes, toBase64 } from "../../field/manifest.js";
import { cannotRead } from "../../source.js";

/** @typedef {import("../../field/manifest.js").Manifest} Manifest */
/** @typedef {import("../../field/manifest.js").Signature} Signature */
/** @typedef {import("node:crypto").KeyObject} KeyObject */
/**
 * @typedef {object} SigningKey
 * @property {string} publicKey 32 bytes in base64
 * @property {string} name by which signatures say whose they are
 * @property {string} [file] where it came from
 * @property {(list: Manifest) => Signature} sign
 */

/** Names the file of a private key, or is one. */
const VARIABLE = "MITE_REGISTRY_KEY";
const KEY_BYTES = 32;

/** @returns {{ pem: string, publicKey: string }} */
export function makeKeyPair() {
  const { privateKey } = generateKeyPairSync("ed25519");
  const pem = privateKey.export({ type: "pkcs8", format: "pem" });
  return { pem: String(pem), publicKey: toBase64(rawPublicKey(privateKey)) };
}

/** @param {KeyObject} privateKey */
function rawPublicKey(privateKey) {
  const { x = "" } = createPublicKey(privateKey).export({ format: "jwk" });
  return new Uint8Array(Buffer.from(x, "base64url"));
}

/**
 * @param {string[]} files as --key gives them; where there are none, the environment is asked
 * @returns {Promise<SigningKey[]>}
 */
export async function readSigningKeys(files) {
  const given = process.env[VARIABLE];
  if (files.length || !given) return Promise.all(files.map(readKeyFile));
  if (!given.includes("-----BEGIN")) return [await readKeyFile(given)];
  return [await keyOfPem(given, `the variable ${VARIABLE}`)];
}

/** @param {string} file */
async function readKeyFile(file) {
  const pem = await readFile(file, "utf8").catch((error) => {
    throw cannotRead(file, error);
  });
  const key = await keyOfPem(pem, file);
  const { mode } = await stat(file);
  if (process.platform !== "win32" && mode & 0o077) {
    console.error(`mite: note: others can read the private key ${file}; chmod 600 ends that`);
  }
  return { ...key, file };
}

/**
 * @param {string} pem
 * @param {string} what for sentences
 * @returns {Promise<SigningKey>}
 */
async function keyOfPem(pem, what) {
  let key;
  try {
    key = createPrivateKey(pem);
  } catch (error) {
    throw new MiteError(
      "argument",
      `${what} holds no private key that can be used (wanted is what \`mite registry keygen\` writes): ${messageOf(error)}`,
    );
  }
  if (key.asymmetricKeyType !== "ed25519") {
    throw new MiteError("argument", `${what} holds a key of type ${key.asymmetricKeyType}; lists are signed by Ed25519`);
  }
  const raw = rawPublicKey(key);
  const name = await keyName(raw);
  return {
    publicKey: toBase64(raw),
    name,
    sign: (list) => ({ key: name, value: toBase64(new Uint8Array(sign(null, signedBytes(list), key))) }),
  };
}

/**
 * @param {string} given a public key, or a file that holds one
 * @returns {Promise<string>} 32 bytes in base64
 */
export async function readPublicKey(given) {
  if (isPublicKey(given)) return given;
  const text = await readFile(given, "utf8").catch((error) => {
    throw cannotRead(given, error);
  });
  if (isPublicKey(text.trim())) return text.trim();
  const secret = text.includes("PRIVATE KEY") ? `; it is the private one, the public one is ${given}.pub` : "";
  throw new MiteError("argument", `${given} holds no public key (32 bytes in base64)${secret}`);
}

/** @param {string} text */
function isPublicKey(text) {
  return /^[A-Za-z0-9+/]{43}=$/.test(text) && fromBase64(text).length === KEY_BYTES;
}
