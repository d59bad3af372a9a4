/** The lab's methods and its channel, through the typed client of the application. */
import type { Client } from "@holdfast/client";
import type { ShowcaseApp } from "../server/app.js";
import { readServerError } from "../shared/line/server-error.js";
import type { LabLink } from "./model/lab.js";

export function createLabLink(client: Client<ShowcaseApp>): LabLink {
  const call = async <Result>(answer: Promise<Result>): Promise<Result> =>
    await answer.catch((error: unknown) => {
      throw new Error(readServerError(error).message);
    });
  return {
    open: (wish) => call(client.rpc("labOpen", { ...wish, transports: [...wish.transports] })),
    start: (run) => call(client.rpc("labStart", { run })),
    read: (run) => call(client.rpc("labRead", { run })),
    end: (run) => call(client.rpc("labEnd", { run })),
    measure: (wish) => call(client.rpc("labMeasure", { ...wish, transports: [...wish.transports] })),
    clock: async () => (await call(client.rpc("labClock"))).now,
    follow: (run, onNews) => client.channel("lab:{run}", { run }).subscribe(({ data }) => onNews(data)),
  };
}
