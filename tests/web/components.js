// SPDX-License-Identifier: Apache-2.0
// A page with React components and the element; components.test.mjs bundles it and asks it.
import { StrictMode, createElement as h, useState } from "react";
import { createRoot } from "react-dom/client";
import { defineClassifier } from "mite/element";
import { useModel } from "mite/react";

defineClassifier();
defineClassifier();
window.models = {};
window.waitFor = async (test) => {
  for (let i = 0; i < 500; i++) {
    const found = await test();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`waited in vain for ${test}`);
};

function Answer({ name, source }) {
  const { status, model, error, retry } = useModel(source);
  if (model) window.models[name] = model;
  const text = model?.metadata.name ?? error?.code ?? "";
  return h("button", { id: name, "data-status": status, onClick: retry }, text);
}

function App() {
  const [source, setSource] = useState(null);
  window.show = setSource;
  if (source === "nothing") return null;
  return [h(Answer, { key: 1, name: "one", source }), h(Answer, { key: 2, name: "two", source })];
}

createRoot(document.querySelector("#root")).render(h(StrictMode, null, h(App)));
