// SPDX-License-Identifier: Apache-2.0
// mite registry: a folder of models that any static host can serve, and the signed list of what is in it.

/** @type {import("./main.js").Group} */
export default {
  summary: "keep a signed list of models, with versions, channels and the way back",
  about: `Maintains a folder for a static host: models.json, which says which version each channel
serves and is signed, and the model files, whose names change with their contents. Pages open
it with openModel of mite/field. docs/deployment.md goes through it, docs/registry.md specifies it.`,
  commands: {
    keygen: () => import("./registry/keygen.js"),
    add: () => import("./registry/add.js"),
    promote: () => import("./registry/promote.js"),
    rollback: () => import("./registry/rollback.js"),
    remove: () => import("./registry/remove.js"),
    sign: () => import("./registry/sign.js"),
    verify: () => import("./registry/verify.js"),
    list: () => import("./registry/list.js"),
  },
};
