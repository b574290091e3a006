// SPDX-License-Identifier: Apache-2.0
// Which sentences mean the same? Vectors of a small transformer, compared as one types.
import { load } from "/mite/dist/index.js";
import { cosineSimilarity, loadTokenizer, sentenceVectors } from "/mite/dist/text.js";
import { hideProblem, ready, showProblem } from "./loader.js";
import { watched } from "./network.js";
import { keepPage } from "./offline.js";
import { element, ms, ranked, showFacts } from "./page.js";
import { showProfile } from "./profile.js";

export const MINILM = { title: "MiniLM-L6", address: "/more/minilm-l6/minilm-l6.mite" };
const TOKENIZER = "/more/minilm-l6/tokenizer.json";
const EXAMPLES = [
  "A puppy is running through the grass.",
  "The children are playing football outside.",
  "Quarterly revenue fell by eight percent.",
  "Our company sold less this spring.",
];
const PAUSE = 250; // milliseconds without a key before it looks

/** @typedef {import("../../bindings/js/mite.d.ts").Model} Model */
/** @typedef {import("../../bindings/js/text.d.ts").Tokenizer} Tokenizer */
/** @typedef {{ model: Model, tokenizer: Tokenizer, facts: Record<string, string>, title: string }} Speaker */

/** @type {Speaker | undefined} The visitor's own. */
let own;
/** @type {Promise<Tokenizer> | undefined} */
let tokenizer;
let turn = 0;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

const query = /** @type {HTMLTextAreaElement} */ (element("query"));
const others = /** @type {HTMLTextAreaElement} */ (element("sentences-others"));

/** @returns {Promise<Speaker>} */
async function speaker() {
  if (own) return own;
  tokenizer ??= loadTokenizer(TOKENIZER);
  tokenizer.catch(() => (tokenizer = undefined));
  const [loaded, words] = await Promise.all([ready(MINILM), tokenizer]);
  return { ...loaded, tokenizer: words, title: MINILM.title };
}

/** Compares what stands there now. */
export async function compareSentences() {
  const mine = ++turn;
  const texts = [query.value, ...others.value.split("\n")].map((text) => text.trim());
  const [asked, ...rest] = texts;
  const lines = rest.filter(Boolean);
  if (!asked || !lines.length) return;
  hideProblem();
  try {
    const { model, tokenizer: words, facts, title } = await speaker();
    if (mine !== turn) return;
    const begin = performance.now();
    const [first, ...vectors] = await watched(() => sentenceVectors(model, words, [asked, ...lines]));
    if (mine !== turn) return;
    facts.Inference = `${ms(performance.now() - begin)} for ${lines.length + 1} sentences`;
    const byLikeness = lines
      .map((text, index) => ({ text, index, likeness: cosineSimilarity(first, vectors[index]) }))
      .sort((a, b) => b.likeness - a.likeness);
    element("likeness").replaceChildren(
      ...byLikeness.map(({ text, likeness, index }) =>
        ranked(text, likeness.toFixed(2), { value: likeness }, index),
      ),
    );
    element("sentences-verdict").textContent = `Nearest: ${byLikeness[0].text}`;
    showFacts(element("sentences-facts"), facts);
    showProfile(model, title);
    keepPage();
  } catch (error) {
    if (mine === turn) showProblem(error, MINILM, compareSentences);
  }
}

/**
 * A transformer that the visitor has dropped together with its tokenizer.json.
 * @param {Blob} file a `.mite` file
 * @param {Blob} tokens
 * @param {string} title
 */
export async function speakWith(file, tokens, title) {
  const words = await loadTokenizer(tokens);
  const model = await load(file);
  if (!model.inputs.some(({ name }) => name === "input_ids")) {
    await model.dispose();
    throw new Error(`${title} takes no input_ids, so a tokenizer is of no use to it; drop it alone`);
  }
  own?.model.dispose();
  own = { model, tokenizer: words, facts: {}, title };
  await compareSentences();
}

query.value = "A small dog runs across the green field.";
others.value = EXAMPLES.join("\n");
for (const field of [query, others]) {
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(compareSentences, PAUSE);
  });
}
