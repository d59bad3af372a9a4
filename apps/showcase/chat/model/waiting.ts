/** What a room says until its messages have been read: for the page itself, and for what it shows before its script runs. */
export const waiting = {
  title: "Loading messages …",
  lead: "Everybody in this room sees what you write. When the line breaks nothing is lost: what was said meanwhile is here when you are back.",
};
