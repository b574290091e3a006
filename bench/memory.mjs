// SPDX-License-Identifier: Apache-2.0
// Sees every WebAssembly memory that engines make from now on, whichever way they make it.

/**
 * @returns {() => number} bytes of the largest so far
 */
export function watchMemories() {
  /** @type {Set<WebAssembly.Memory>} */
  const memories = new Set();
  const { Memory, Instance, instantiate, instantiateStreaming } = WebAssembly;
  const note = (/** @type {WebAssembly.Instance} */ instance) => {
    for (const value of Object.values(instance.exports)) if (value instanceof Memory) memories.add(value);
    return instance;
  };
  const noteResult = (/** @type {any} */ result) => {
    note(result instanceof Instance ? result : result.instance);
    return result;
  };
  /** @param {new (...args: any[]) => any} type @param {(made: any) => any} seen */
  const watched = (type, seen) =>
    new Proxy(type, { construct: (target, args) => seen(Reflect.construct(target, args)) });
  WebAssembly.Memory = watched(Memory, (memory) => {
    memories.add(memory);
    return memory;
  });
  WebAssembly.Instance = watched(Instance, note);
  WebAssembly.instantiate = /** @type {any} */ (
    async (/** @type {any} */ source, /** @type {any} */ imports) =>
      noteResult(await instantiate.call(WebAssembly, source, imports))
  );
  WebAssembly.instantiateStreaming = async (source, imports) =>
    noteResult(await instantiateStreaming.call(WebAssembly, source, imports));
  return () => Math.max(0, ...[...memories].map(({ buffer }) => buffer.byteLength));
}
