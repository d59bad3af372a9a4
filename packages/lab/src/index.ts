/** The lab: measures what each way of reading a channel costs. Its words and charts are in `report`. */

export { fillerOf } from "./filler.js";
export type { ServerSample } from "./ipc.js";
export { describeMachine, mostConnections } from "./machine.js";
export { type LabModules, type LabServer, openLabServer } from "./open-lab-server.js";
export { type LabPreset, labPreset, labPresets } from "./presets.js";
export { type LabProgress, type LabRunOptions, runLab } from "./run-lab.js";
export { defaultLabSettings, type LabInput, parseLabDuration, resolveLabSettings } from "./settings.js";
export type { SocketTraffic } from "./socket-counter.js";
