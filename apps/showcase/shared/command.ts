/** The command as it works in the folder where `npm start` was run: npm links it there, so that `npx` finds it. */
export const command = "npx holdfast";
