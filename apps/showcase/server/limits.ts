/** Bounds that the page tells of before the server does. Runs in the page, too. */

/** Longest text of a message, in characters as people count them. */
export const maxTextCharacters = 2000;
