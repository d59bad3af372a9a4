/** The lab's methods and its channel, through the typed client of the application. */
import type { Client } from "../../../src/client/index.js";
import type { ShowcaseApp } from "../../../src/showcase/app.js";
import type { LabLink } from "./model/lab.js";

export function createLabLink(client: Client<ShowcaseApp>): LabLink {
  const call = async <Result>(answer: Promise<Result>): Promise<Result> =>
    await answer.catch((error: unknown) => {
      throw new Error(toText(error));
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

/** The server's own words, where it has refused. */
function toText(error: unknown): string {
  const { cause, message } = (error ?? {}) as { cause?: { message?: unknown }; message?: string };
  return typeof cause?.message === "string" ? cause.message : (message ?? "no answer");
}
