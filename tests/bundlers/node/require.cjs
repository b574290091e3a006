// SPDX-License-Identifier: Apache-2.0
const { load } = require("mite");

async function classify(address, photo) {
  const model = await load(address);
  const { top } = await model.classify(photo);
  const { runtime } = model;
  await model.dispose();
  return { ...top[0], runtime };
}

classify(process.argv[2], process.argv[3]).then((answer) => console.log(JSON.stringify(answer)));
