/** The lab's page: the same channel over every transport, measured. */
import "uplot/dist/uPlot.min.css";
import type { Client } from "@holdfast/client";
import type { ShowcaseApp } from "../server/app.js";
import { beginPage } from "../shared/frame/begin-page.js";
import "./lab.css";
import "./result.css";
import { readServerError } from "../shared/line/server-error.js";
import { Lab, type LabLink } from "./model/lab.js";
import { LabView } from "./view/lab-view.js";

const now = () => performance.timeOrigin + performance.now();

const slowMessage =
  "The lab did not answer within 5 seconds, so this machine is busy. Wait a little, or choose fewer transports, and measure again.";

beginPage({
  page: "lab",
  what: "The lab",
  create: (visit) =>
    new Lab({
      link: createLabLink(visit.client),
      fetch: (input, init) => fetch(input, init),
      EventSource,
      WebSocket,
      now,
      random: Math.random,
      later: (delayMs, task) => {
        const timer = setTimeout(task, delayMs);
        return () => clearTimeout(timer);
      },
    }),
  view: (lab, visit) => <LabView lab={lab} visit={visit} />,
});

export function createLabLink(client: Client<ShowcaseApp>): LabLink {
  const call = async <Result,>(answer: Promise<Result>): Promise<Result> =>
    await answer.catch((error: unknown) => {
      const { message } = readServerError(error);
      throw new Error(message === "timeout" ? slowMessage : message);
    });
  return {
    open: async (request) => {
      let opened = await call(client.rpc("labOpen", { ...request, transports: [...request.transports] }));
      while (!("lines" in opened)) opened = await call(client.rpc("labOpened", { run: opened.run }));
      return opened;
    },
    start: (run) => call(client.rpc("labStart", { run })),
    read: (run) => call(client.rpc("labRead", { run })),
    end: (run) => call(client.rpc("labEnd", { run })),
    measure: (request) => call(client.rpc("labMeasure", { ...request, transports: [...request.transports] })),
    clock: async () => (await call(client.rpc("labClock"))).now,
    follow: (run, onUpdate) => client.channel("lab:{run}", { run }).subscribe(({ data }) => onUpdate(data)),
  };
}
