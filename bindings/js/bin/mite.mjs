#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
const { main } = await import(new URL("../dist/cli.js", import.meta.url).href);

process.exitCode = await main(process.argv.slice(2));
