/** A page with every hook of `@holdfast/client/react`, in StrictMode, which mounts everything twice. */
import { createElement as h, StrictMode, useEffect, useState } from "react";
import { createRoot } from "react-dom/client";
import { connect } from "../../../packages/client/src/index.js";
import {
  HoldfastProvider,
  useChannel,
  useClient,
  useClientStatus,
  useMap,
} from "../../../packages/client/src/react/index.js";
import type { ChatApp } from "../../../packages/client/test/support/chat-app.js";

/** What the test does from outside; this file is compiled without the types of a browser. */
interface Page {
  document: { getElementById(id: string): unknown };
  location: { hash: string };
  mounts: number;
  show(room: string | undefined): void;
}

const page = globalThis as unknown as Page;
page.mounts = 0;
const client = connect<ChatApp>(undefined, {
  token: "page",
  minReconnectDelayMs: 20,
  maxReconnectDelayMs: 200,
});

function Room({ room }: { room: string }) {
  const options = { history: 5, limit: 8, presence: true };
  const used = useChannel(useClient<ChatApp>(), "chat:{room}", { room }, options);
  const { publications, presence, status, publish, error } = used;
  const how = status.state === "subscribed" && status.recovered ? "recovered" : "";
  return h(
    "section",
    null,
    h("p", { id: "status" }, `${room} ${status.state} ${how}`.trim()),
    h("p", { id: "error" }, error?.message),
    h("ul", { id: "present" }, ...presence.map((each) => h("li", { key: each.client }, each.user))),
    h("ol", { id: "texts" }, ...publications.map((each) => h("li", { key: each.offset }, each.data.text))),
    h("button", { type: "button", onClick: () => void publish({ text: `said in ${room}` }) }, "Say"),
  );
}

const byPoints = ({ points }: { points: number }) => points;

function Board() {
  const { entries, status, set, remove } = useMap(
    client,
    "board:{game}",
    { game: "a" },
    { orderBy: byPoints },
  );
  const line = ({ key, data }: (typeof entries)[number]) => h("li", { key }, `${key} ${data.points}`);
  return h(
    "section",
    null,
    h("p", { id: "board-status" }, status.state),
    h("ol", { id: "board" }, ...entries.map(line)),
    h("button", { type: "button", id: "set", onClick: () => void set("page", { points: 5 }) }, "Set"),
    h("button", { type: "button", id: "remove", onClick: () => void remove("page") }, "Remove"),
  );
}

function Secret() {
  const { status, error } = useChannel(client, "secret:{path*}", { path: "x" });
  return h("p", { id: "secret" }, `${status.state} ${error?.message ?? ""}`);
}

function Page() {
  const [room, setRoom] = useState<string | undefined>(page.location.hash.slice(1));
  const { state } = useClientStatus(client);
  useEffect(() => {
    page.mounts++;
    page.show = setRoom;
  }, []);
  return h("main", null, h("p", { id: "client" }, state), room && h(Room, { room }), h(Board), h(Secret));
}

createRoot(page.document.getElementById("root") as Parameters<typeof createRoot>[0]).render(
  h(StrictMode, null, h(HoldfastProvider<ChatApp>, { client }, h(Page))),
);
