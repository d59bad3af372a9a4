/** Entry of the lab's processes: the measured server, the network or the users, as the first argument says. */
import { exitWithParent, handleRequests, type LoadRequests, type NetworkRequests, send } from "./ipc.js";
import { parseServeOptions, serveLab } from "./measured-server.js";
import { Network, type NetworkOptions } from "./network.js";
import { UserLoad } from "./user-load.js";

const [role, options = "{}"] = process.argv.slice(2);
if (role === "server") await serveLab(parseServeOptions(process.argv));
else {
  exitWithParent();
  if (role === "network") await runNetwork(JSON.parse(options) as NetworkOptions);
  else runUsers();
}

async function runNetwork(options: NetworkOptions): Promise<void> {
  const network = new Network(options);
  handleRequests<NetworkRequests>({
    setCutting: ({ isOn }) => {
      network.setCutting(isOn);
      return network.cuts;
    },
  });
  send({ id: 0, value: { port: await network.listen() } });
}

function runUsers(): void {
  let load: UserLoad | undefined;
  const started = (): UserLoad => {
    if (load === undefined) throw new Error("the load has not been started");
    return load;
  };
  handleRequests<LoadRequests>({
    warm: (start) => {
      load = new UserLoad(start, send);
      return load.warm();
    },
    open: () => started().open(),
    run: () => started().run(),
  });
  send({ id: 0, value: {} });
}
