// The folder lies inside a project with a lock file of its own, which Next would take for the root.
export default { turbopack: { root: import.meta.dirname } };
