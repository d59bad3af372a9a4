/** The address of a channel: `/channels/CHANNEL`, with the name percent-encoded as one segment (RFC 3986 §3.3). */

const prefix = "/channels/";

/** @returns the segment that names a channel, encoded as it came; undefined for any other path */
export function channelOf(path: string): string | undefined {
  if (!path.startsWith(prefix)) return undefined;
  const segment = path.slice(prefix.length);
  return segment === "" || segment.includes("/") ? undefined : segment;
}

/** @returns the channel's name, or undefined where it is not encoded right */
export function decodeChannel(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}
