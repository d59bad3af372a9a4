/** Which user plays which transport. */
import { AskingUser } from "./asking-user.js";
import { HttpStreamUser } from "./http-stream-user.js";
import { SseUser } from "./sse-user.js";
import type { UserFactories } from "./virtual-user.js";
import { WebSocketH2User } from "./websocket-h2-user.js";
import { WebSocketUser } from "./websocket-user.js";

export const userFactories: UserFactories = {
  // Spread evenly over the interval, as those are that have come at different times.
  poll: (context, index, users) => new AskingUser(context, index / users, false),
  "long-poll": (context) => new AskingUser(context, 0, true),
  sse: (context) => new SseUser(context),
  "http-stream": (context) => new HttpStreamUser(context),
  websocket: (context) => new WebSocketUser(context),
  "websocket-h2": (context) => new WebSocketH2User(context),
};
