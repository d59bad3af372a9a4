/** The command as it works in the folder where `npm start` was run. `npx` would ask a registry from everywhere else, where the name is not ours. */
export const command = "node dist/cli/main.js";
