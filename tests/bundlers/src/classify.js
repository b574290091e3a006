// SPDX-License-Identifier: Apache-2.0
// A user's first lines, the same in every fixture.
import { load } from "mite";

export async function classify(
  address = "/models/efficientnet-lite0.int8.mite",
  photo = "/photo.jpg",
) {
  const model = await load(address);
  const { top } = await model.classify(photo);
  const { runtime } = model;
  await model.dispose();
  return { ...top[0], runtime };
}
