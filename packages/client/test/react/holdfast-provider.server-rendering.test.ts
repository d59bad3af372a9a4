/** Components as a server renders them: modules are loaded there, hooks are called, and nothing may be connected. */
import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { describe, expect, it } from "vitest";
import { connect } from "../../src/node.js";
import { HoldfastProvider, useChannel, useClient, useClientStatus, useMap } from "../../src/react/index.js";
import type { ChatApp } from "../support/chat-app.js";

describe("components rendered on a server", () => {
  it.each([undefined, "/", "http://localhost:1"])(
    "show a channel that is still empty, with the address %j",
    (address) => {
      const opened: string[] = [];
      class Refused {
        constructor(url: string) {
          opened.push(url);
        }
      }
      const client = connect<ChatApp>(address, { webSocket: Refused });
      function Room() {
        const used = useClient<ChatApp>();
        const { publications: named } = useChannel(used, "chat:a");
        const { publications, status } = useChannel(
          used,
          "chat:{room}",
          { room: "a" },
          { history: 5, presence: true },
        );
        const { entries } = useMap(used, "board:chess");
        return `${useClientStatus(used).state} ${status.state} ${publications.length + named.length} ${entries.length}`;
      }
      const page = createElement(HoldfastProvider, { client: client as never }, createElement(Room));
      expect(renderToString(page)).toBe("connecting subscribing 0 0");
      expect(opened).toEqual([]);
      client.close();
    },
  );
});
