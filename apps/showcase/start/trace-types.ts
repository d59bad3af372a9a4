/** What the server tells a visitor of the story about its own requests and WebSockets, in the channel `trace:{trace}`. */

/** Each request and WebSocket of the story says in its query whose it is and what for: `trace=ID.LABEL`. */
export const tracePattern = /^([\w-]{22})\.([a-z]{1,12})$/;

export interface HttpRequestSeen {
  readonly type: "asked";
  readonly label: string;
  /** Counts requests of this server. */
  readonly request: number;
  /** From the request line to the empty line, without credentials. */
  readonly head: string;
  /** Of the head as it came, and of the body. */
  readonly received: number;
}

export interface HttpAnswerSeen {
  readonly type: "answered";
  readonly label: string;
  readonly request: number;
  readonly head: string;
  readonly received: number;
  /** From the status line to the empty line, as it was sent. */
  readonly answer: string;
  /** Head and body of the answer. */
  readonly sent: number;
}

/** Of one WebSocket, its opening handshake included. */
export interface SocketCounts {
  readonly received: number;
  readonly sent: number;
  readonly framesReceived: number;
  readonly framesSent: number;
}

export interface SocketOpenSeen extends SocketCounts {
  readonly type: "opened";
  readonly label: string;
  /** Counts WebSockets of this server. */
  readonly socket: number;
  readonly head: string;
  /** Undefined over HTTP/2, which has no such answer. */
  readonly answer?: string;
}

export interface FrameSeen extends SocketCounts {
  readonly type: "frame";
  readonly label: string;
  readonly socket: number;
  /** Up is from the page to the server. */
  readonly direction: "up" | "down";
  /** Header and payload. */
  readonly bytes: number;
  /** The first bytes of the frame as they went over the line, in hexadecimal. */
  readonly hex: string;
}

export interface SocketGoneSeen extends SocketCounts {
  readonly type: "gone";
  readonly label: string;
  readonly socket: number;
}

export type TraceEvent = HttpRequestSeen | HttpAnswerSeen | SocketOpenSeen | FrameSeen | SocketGoneSeen;

/** One connection of this server, as everybody may see it. */
export interface CrowdMember {
  /** The beginning of the connection's id. */
  readonly id: string;
  /** Undefined for visitors without a name, and for programs. */
  readonly name?: string;
  readonly kind: "person" | "guest" | "program";
}

/** In the channel `crowd`. */
export interface Crowd {
  readonly connections: number;
  /** Users with a name, however many connections they have. */
  readonly users: number;
  /** The newest connections, oldest of them first. */
  readonly members: readonly CrowdMember[];
}

/** In the channel `story:{trace}`: what a visitor, or the server when asked, writes. */
export interface StoryMessage {
  readonly text: string;
  readonly from: "you" | "server";
}

export const maxTextLength = 140;
/** SDKs do not come back after it: it was meant. */
export const closedByServer = { code: 4500, reason: "you asked the server to close" } as const;
