/** A phone on a slow line, as Chromium's developer tools emulate one, and what is noted there while a page loads. */
import type { CDPSession } from "playwright-core";

/** The line that Lighthouse calls slow 4G. */
const slow4g = {
  offline: false,
  latency: 150,
  downloadThroughput: 1_600_000 / 8,
  uploadThroughput: 750_000 / 8,
};

/** @param cpuRate how many times slower the processor is */
export async function emulateSlowPhone(session: CDPSession, { cpuRate }: { cpuRate: number }): Promise<void> {
  await session.send("Network.enable");
  await session.send("Network.emulateNetworkConditions", slow4g);
  await session.send("Emulation.setCPUThrottlingRate", { rate: cpuRate });
}

/** Before a page loads: `layoutShift` is the sum of what was not brought about by the person. */
export const shiftScript = `
  window.layoutShift = 0;
  new PerformanceObserver((list) => {
    for (const { value, hadRecentInput } of list.getEntries()) if (!hadRecentInput) window.layoutShift += value;
  }).observe({ type: "layout-shift", buffered: true });
`;
