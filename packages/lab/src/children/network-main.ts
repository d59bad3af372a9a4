/** Entry of the simulated network's process. */
import type { NetworkAsks } from "../ipc.js";
import { Network, type NetworkOptions } from "../network.js";
import { answerAsks, endWithParent, say } from "./answer.js";

endWithParent();
const network = new Network(JSON.parse(process.argv[2] ?? "{}") as NetworkOptions);
answerAsks<NetworkAsks>({
  cutting: ({ isOn }) => {
    network.cutting(isOn);
    return network.cuts;
  },
});
say({ id: 0, value: { port: await network.listen() } });
