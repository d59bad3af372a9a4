/** The lab's page: the same channel over every transport, measured. */
import "uplot/dist/uPlot.min.css";
import { beginPage } from "../shared/frame/begin-page.js";
import "./lab.css";
import "./result.css";
import { createLabLink } from "./lab-link.js";
import { Lab } from "./model/lab.js";
import { LabView } from "./view/lab-view.js";

const now = () => performance.timeOrigin + performance.now();

beginPage({
  page: "lab",
  action: "Go to the lab",
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
