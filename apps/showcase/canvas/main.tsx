/** The page of the multiplayer canvas. */
import { beginPage } from "../shared/frame/begin-page.js";
import "./canvas.css";
import "./tools.css";
import { newId } from "../shared/session/identity.js";
import { Canvas } from "./model/canvas.js";
import { CanvasPage } from "./view/canvas-page.js";

beginPage({
  page: "canvas",
  what: "The canvas",
  create: (visit) =>
    new Canvas(
      visit,
      {
        clock: () => performance.now(),
        later: (delayMs, task) => {
          const timer = setTimeout(task, delayMs);
          return () => clearTimeout(timer);
        },
        createId: () => newId().replaceAll("-", "").slice(0, 16),
      },
      location.hash,
    ),
  view: (canvas, visit) => <CanvasPage canvas={canvas} visit={visit} />,
});
