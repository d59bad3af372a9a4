// A server that does "lose", "repeat" or "delay" to the third message, as HOLDFAST_LAB_FAULT says. It uses the built lab.
import { randomBytes } from "node:crypto";
import { MemoryBroker } from "../../../holdfast/dist/index.js";
import { systemClock } from "../../../holdfast/dist/sockets/system-clock.js";
import { parseServeOptions, serveLab } from "../../dist/measured-server.js";

const fault = process.env.HOLDFAST_LAB_FAULT;

const createEpoch = () => randomBytes(4).toString("hex");
const broker = new MemoryBroker({ clock: systemClock, createEpoch });
const { log } = broker;
const publish = log.publish.bind(log);
let held;
log.publish = async (channel, publication, options) => {
  const append = (each) => publish(channel, each, options);
  if (!publication.data.startsWith('"#3;')) {
    const result = await append(publication);
    if (held) await append(held);
    held = undefined;
    return result;
  }
  if (fault === "lose") return { position: { epoch: "lost", offset: 1 }, isDuplicate: false };
  if (fault === "delay") {
    held = publication;
    return { position: { epoch: "held", offset: 1 }, isDuplicate: false };
  }
  if (fault === "repeat") await append(publication);
  return await append(publication);
};
await serveLab({ ...parseServeOptions(process.argv), broker });
