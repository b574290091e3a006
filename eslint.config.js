// SPDX-License-Identifier: Apache-2.0
import js from "@eslint/js";
import globals from "globals";

export default [
  { ignores: ["**/node_modules/", ".toolchain/", "build/", "bindings/js/dist/", "**/output/"] },
  js.configs.recommended,
  {
    languageOptions: {
      ecmaVersion: 2024,
      sourceType: "module",
      globals: { ...globals.node },
    },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      curly: ["error", "multi-line"],
      eqeqeq: ["error", "always", { null: "ignore" }],
      "max-len": ["error", { code: 112, ignoreUrls: true, ignoreStrings: true, ignoreTemplateLiterals: true }],
      "no-control-regex": "off", // file signatures are made of such characters
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-new-func": "error",
      "no-unused-vars": ["error", { argsIgnorePattern: "^_", caughtErrors: "none" }],
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
    },
  },
  {
    // Code that runs in pages and workers as well, or is handed to a page by a test.
    files: ["bindings/js/**", "web/**", "tests/**", "bench/**"],
    languageOptions: { globals: { ...globals.browser, ...globals.node, ...globals.worker } },
  },
];
