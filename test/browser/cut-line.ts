/** A line between a browser and a server that can be cut: open WebSockets are reset, and no new one gets through. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";

const upgrade = Buffer.from("GET /connection/websocket");

export class CutLine {
  /** The first page behind the line. */
  readonly url: string;
  #isCut = false;
  readonly #webSockets = new Set<Socket>();

  private constructor(port: number) {
    this.url = `http://localhost:${port}/`;
  }

  /** Opens a line to a port of this machine; it ends with the test. Pages always get through. */
  static async open(serverPort: number): Promise<CutLine> {
    const sockets = new Set<Socket>();
    const proxy = createServer((fromBrowser) => {
      sockets.add(fromBrowser);
      fromBrowser.on("error", () => {});
      fromBrowser.once("close", () => sockets.delete(fromBrowser));
      fromBrowser.once("data", (head) => line.#forward(fromBrowser, head, serverPort));
    });
    proxy.listen(0, "127.0.0.1");
    await once(proxy, "listening");
    const line = new CutLine((proxy.address() as AddressInfo).port);
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
      proxy.close();
    });
    return line;
  }

  cut(): void {
    this.#isCut = true;
    for (const socket of this.#webSockets) socket.resetAndDestroy();
  }

  mend(): void {
    this.#isCut = false;
  }

  #forward(fromBrowser: Socket, head: Buffer, serverPort: number): void {
    if (head.subarray(0, upgrade.length).equals(upgrade)) {
      if (this.#isCut) {
        fromBrowser.resetAndDestroy();
        return;
      }
      this.#webSockets.add(fromBrowser);
      fromBrowser.once("close", () => this.#webSockets.delete(fromBrowser));
    }
    const toServer = connect(serverPort, "127.0.0.1");
    toServer.on("error", () => fromBrowser.destroy());
    fromBrowser.once("close", () => toServer.destroy());
    toServer.once("close", () => fromBrowser.destroy());
    toServer.write(head);
    fromBrowser.pipe(toServer).pipe(fromBrowser);
  }
}
