/** Bounds of notifications that the page tells of before the server does. Runs in the page, too. */

/** In characters as people count them. */
export const maxNoticeCharacters = 280;
export const maxTitleCharacters = 80;
/** So many are kept for each person. */
export const keptNotices = 100;
/** Seconds after which somebody may have one sent to themselves. */
export const maxDelaySeconds = 60;
