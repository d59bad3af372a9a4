/** Holdfast as installed: the built package, with its default options but for the bound on one client's commands. */
import { answerAsks, type Stats } from "./answer-asks.js";

/** The part of the package that is used here, so that this file can be checked before there is a build. */
interface HoldfastPackage {
  createServer(options: {
    readonly port: number;
    readonly host: string;
    readonly limits: { readonly commandsPerSecond: number | null };
  }): {
    listen(): Promise<unknown>;
    stats(): object;
    readonly address: { readonly port: number };
  };
}

// By its own name, the package resolves to its build, as it does for those who install it.
const packageName: string = "holdfast";
const { createServer } = (await import(packageName)) as HoldfastPackage;

// One connection publishes everything here, at a rate that the server would otherwise refuse to one client.
const server = createServer({ port: 0, host: "127.0.0.1", limits: { commandsPerSecond: null } });
await server.listen();
answerAsks({ port: server.address.port, stats: () => server.stats() as Stats });
