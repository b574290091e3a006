// SPDX-License-Identifier: Apache-2.0
// mite/inline: the same as `mite`, with the WebAssembly core inside of the script: no file to find and
// no second request. For pages without files of their own (one HTML file, a string in an app's web
// view), and behind policies that allow nothing to be fetched. It has both builds of the core, and where a
// bundler leaves mite's worker behind, that, too. Models with operators beyond the core's still fetch
// mite-more.wasm.gz. It needs DecompressionStream (Chrome 80,
// Firefox 113, Safari 16.4) or Node, and of a policy no more than 'wasm-unsafe-eval'.
export * from "./mite.d.ts";
