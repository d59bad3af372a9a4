/** Parts of a measurement that need Node.js: connections that cost their process little, and the machine. */
export {
  type Counted,
  clientFrame,
  closeFrame,
  FrameError,
  FrameReader,
  pongFrame,
  replaceText,
  textFrame,
  upgradeAccept,
  upgradeKey,
} from "./frames.js";
export { openSocket } from "./http-exchange.js";
export { HttpReader } from "./http-reader.js";
export { busyTimes, describeMachine, maxConnections } from "./machine.js";
