/** Whom it is charged to what a client takes up: its user, or its address where it has none. Decided here for all of them. */

/** @param addressKey what the address is counted by; empty for one that is nobody's in particular */
export function ownerOf(user: string, addressKey: string): string {
  if (user !== "") return `user:${user}`;
  return addressKey === "" ? "" : `address:${addressKey}`;
}
