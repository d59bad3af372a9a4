/** The playground: code of a few lines, run as two clients of this server. */
import "../shared/tokens.css";
import "../shared/base.css";
import "../shared/header.css";
import "../shared/site-nav.css";
import "../shared/frame/frame.css";
import "./play.css";
import "./editor.css";
import { createDevtools } from "@holdfast/client/devtools";
import { render } from "preact";
import { basePathOf } from "../shared/base-path.js";
import { Playground } from "./model/playground.js";
import { createRoom, fromFragment } from "./model/share.js";
import { PlayView } from "./view/play-view.js";

/** As a guest, whoever the visitor is on other pages: what a link's code does, it does as nobody. */
const address = new URL(`${basePathOf()}connection/websocket?guest=only`, location.href);
address.protocol = address.protocol === "https:" ? "wss:" : "ws:";

const playground = new Playground({
  room: createRoom(Math.random),
  createDevtools: () => createDevtools(),
  address: address.href,
  clock: () => performance.now(),
});

const openShared = async () => {
  const shared = location.hash.length > 1 ? await fromFragment(location.hash) : undefined;
  if (shared) playground.openShared(shared);
  else if (location.hash.length > 1) playground.refuseLink();
};
addEventListener("hashchange", () => void openShared());

const host = document.getElementById("app");
if (host) render(<PlayView playground={playground} />, host);
void openShared();
