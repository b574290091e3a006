// SPDX-License-Identifier: Apache-2.0
// The public interface of `mite/field`: models that are out on devices, with versions, channels, roll-out and the
// way back. docs/field.md tells what happens when; `mite registry` maintains the list of models.
//
//   import { openModel } from "mite/field";
//   const model = await openModel("/models/models.json", {
//     publicKeys: ["mZ0h…9Xk="], channel: "stable", onEvent: console.log,
//   });
//   const { top } = await model.classify(photo);
//   if (userSaysItIsWrong) await model.report("bad");
import type { ErrorCode, LoadOptions, Model } from "./mite.d.ts";

export { MiteError } from "./mite.d.ts";

export interface FieldOptions {
  /**
   * Ed25519 keys, 32 bytes in base64 (`mite registry keygen`), one of which must have signed the list. What is
   * remembered counts as signed by the first of them that had; without that one it must be found in the list again.
   */
  publicKeys?: readonly string[];
  /** true: the list needs no signature, and its serial number is not looked at (while developing). */
  unsigned?: boolean;
  /** Which model of the list; may be left out where there is one. */
  name?: string;
  /** Default `stable`. */
  channel?: string;
  /** This version and no other, whatever the channel says. */
  version?: string;
  /**
   * By what a device is told from others when a version goes to a share of them. Default: a random text that is
   * made on the first visit, stays on the device and is never sent.
   */
  client?: string;
  /**
   * `background` (default): the version that proved good here last serves at once, a newer one takes over when it
   * has proved itself. `wait`: first look for a newer one. `never`: only when {@link FieldModel.checkForUpdate} is
   * called, or where there is no good version yet, or none that was not reported bad.
   */
  update?: "background" | "wait" | "never";
  /** So many bad results of the last `of` that were reported make it go back. Default 3 of 20. */
  report?: { bad?: number; of?: number };
  /**
   * What the page asks of a new version beyond the test that its file carries, before it serves: it may run it,
   * or look at its inputs. false or an exception: it never serves here. It must not dispose of the model.
   */
  accept?: (model: Model) => boolean | Promise<boolean>;
  /** Called with everything that happens; {@link FieldModel.history} keeps the last hundred. */
  onEvent?: (event: FieldEvent) => void;
  /** For `load`; its `onProgress` hears of the first version alone, not of updates. */
  load?: Omit<LoadOptions, "signal" | "sha256">;
  /** Ends the opening. */
  signal?: AbortSignal;
  /**
   * Where it is remembered which versions are good. Default: in pages IndexedDB; in Node, and in windows that
   * grant none, only as long as the process or page. A text: a folder, in Node. Or what reads and writes
   * values (of JSON's kind) by key; undefined stands for nothing.
   */
  memory?:
    | string
    | {
        read(key: string): Promise<unknown>;
        write(key: string, value: unknown): Promise<void>;
      };
}

export interface FieldEvent {
  /** ISO 8601. */
  readonly at: string;
  /**
   * - `trying`: a version is downloaded and tested beside the one that serves;
   * - `serving`: it serves from now on;
   * - `rejected`: it failed, and what served before goes on;
   * - `interrupted`: the last visit ended while it was tried;
   * - `load-failed`: it proved good earlier and cannot be loaded now;
   * - `crashed`: its worker crashed; it is started again;
   * - `rolled-back`: it served and was bad; another serves, and it is not tried again here;
   * - `no-way-back`: it was bad, but there is no other, so that it goes on;
   * - `check-failed`: the list could not be had, is not to be trusted or has nothing for this device;
   * - `not-remembered`: nothing of all this will be known after this page or process.
   */
  readonly type:
    | "trying"
    | "serving"
    | "rejected"
    | "interrupted"
    | "load-failed"
    | "crashed"
    | "rolled-back"
    | "no-way-back"
    | "check-failed"
    | "not-remembered";
  readonly version?: string;
  /** A sentence. */
  readonly reason?: string;
  /** Of a failure. */
  readonly code?: ErrorCode | "self-test" | "not-accepted" | "unknown";
}

/**
 * A model whose version may change between two calls. None is lost by that: calls end on the version on which
 * they began (a held picture stays with its own until it is released), new ones begin on the new one. After a
 * `serving` event `inputs`, `outputs` and `metadata` are those of the new version.
 */
export interface FieldModel extends Model {
  /** The one that serves. */
  readonly version: string;
  /** What happened to this model on this device, oldest first. */
  readonly history: readonly FieldEvent[];
  /**
   * Reads the list and takes over a newer version, if there is one and it proves itself; what served goes on until
   * then. Rejects where the list cannot be used, or the newer version failed.
   * @returns whether another version serves now
   */
  checkForUpdate(): Promise<boolean>;
  /**
   * Says whether a result was good. Reports add up over visits and pages; a crash of the model's worker counts as
   * a bad one.
   * @param version that gave the result, if another may serve by now; it is then not counted
   * @returns whether this made it go back
   */
  report(verdict: "good" | "bad", version?: string): Promise<boolean>;
  /**
   * Back to the version before, or to another that the list has for this device; this one is not tried again here.
   * @returns false where there is none
   */
  rollBack(reason: string): Promise<boolean>;
}

/**
 * Opens a model by the list of models at an address (in Node also a path). What serves was signed, by its hash in
 * the signed list, has passed its own self-test on this device, and stays when anything about a newer version
 * fails. Resolves as soon as one version serves.
 */
export function openModel(list: string | URL, options: FieldOptions): Promise<FieldModel>;
