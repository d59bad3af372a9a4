/** Entry of the process that plays the users. */
import type { LoadAsks } from "../ipc.js";
import { Load } from "../load.js";
import { answerAsks, endWithParent, say } from "./answer.js";

endWithParent();
let load: Load | undefined;
const started = (): Load => {
  if (load === undefined) throw new Error("nothing was started yet");
  return load;
};
answerAsks<LoadAsks>({
  warm: (start) => {
    load = new Load(start, say);
    return load.warm();
  },
  open: () => started().open(),
  run: () => started().run(),
});
say({ id: 0, value: {} });
