/** The lab: measures what each way of reading a channel costs. Its words and charts are in `report`. */
export type { ServerSample } from "./ipc.js";
export { type LabModules, type LabServer, openLabServer } from "./lab-server.js";
export { describeMachine, maxConnections } from "./node/machine.js";
export { defaultLabSettings } from "./report/index.js";
export { type LabProgress, type LabRunOptions, runLab } from "./run-lab.js";
export {
  type LabInput,
  type LabPreset,
  labPreset,
  labPresets,
  parseLabDuration,
  resolveLabSettings,
} from "./settings.js";
export type { SocketTraffic } from "./traffic.js";
