/** Holds a recorded history against all promises. Pure: what it finds follows from the history alone. */
import { splitByChannel } from "./channel-history.js";
import { checkAcknowledgements } from "./check-acknowledgements.js";
import { checkLogs } from "./check-logs.js";
import { checkMaps } from "./check-maps.js";
import { checkOrder } from "./check-order.js";
import { checkPositions } from "./check-positions.js";
import { checkPresence } from "./check-presence.js";
import { checkReadings } from "./check-readings.js";
import type { History } from "./history.js";
import type { Violation } from "./violations.js";

const checks = [checkAcknowledgements, checkReadings, checkPositions, checkOrder, checkLogs, checkMaps];

export function checkHistory(history: History): Violation[] {
  const ofChannels = splitByChannel(history).flatMap((channel) => checks.flatMap((check) => check(channel)));
  return [...ofChannels, ...checkPresence(history)];
}
