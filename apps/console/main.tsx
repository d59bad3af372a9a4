/** The console: asks for a key, and shows with it what the server has and does. */
import "../showcase/shared/tokens.css";
import "../showcase/shared/base.css";
import "../showcase/shared/header.css";
import "../showcase/shared/site-nav.css";
import "../showcase/shared/frame/frame.css";
import "./console.css";
import "./lists.css";
import { render } from "preact";
import { PageStorage, storageAreaOf } from "../showcase/shared/session/storage.js";
import { Access } from "./model/access.js";
import { App } from "./view/app.js";

const access = new Access({
  base: "../api/",
  fetch: (...request) => fetch(...request),
  store: new PageStorage(
    storageAreaOf(() => sessionStorage),
    "holdfast-console-",
  ),
});
const host = document.getElementById("app");
if (host) render(<App access={access} />, host);
void access.open();
