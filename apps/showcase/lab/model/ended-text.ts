/** What is said of a run that somebody else has ended. */
export const endedText = "The run was ended, in another window of yours or by the server. Measure again.";
