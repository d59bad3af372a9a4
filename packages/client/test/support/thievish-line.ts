/** A line to a server that can be cut, and that can lose what the server answers, and break, after it was carried out. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";

export class ThievishLine {
  readonly url: string;
  /** Answers that were lost. */
  stolen = 0;
  #isCut = false;
  #steals: { readonly text: string; left: number } | undefined;
  readonly #sockets = new Set<Socket>();

  private constructor(port: number) {
    this.url = `http://127.0.0.1:${port}`;
  }

  static async open(serverPort: number): Promise<ThievishLine> {
    const proxy = createServer((fromClient) => line.#forward(fromClient, serverPort));
    proxy.listen(0, "127.0.0.1");
    await once(proxy, "listening");
    const line = new ThievishLine((proxy.address() as AddressInfo).port);
    onTestFinished(() => {
      line.cut();
      proxy.close();
    });
    return line;
  }

  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  mend(): void {
    this.#isCut = false;
  }

  /** Loses the next answers that contain a text, each with its connection. */
  steal(text: string, times = 1): void {
    this.#steals = { text, left: times };
  }

  #forward(fromClient: Socket, serverPort: number): void {
    fromClient.on("error", () => {});
    if (this.#isCut) {
      fromClient.resetAndDestroy();
      return;
    }
    this.#sockets.add(fromClient);
    const toServer = connect(serverPort, "127.0.0.1");
    toServer.on("error", () => fromClient.destroy());
    fromClient.once("close", () => {
      this.#sockets.delete(fromClient);
      toServer.destroy();
    });
    toServer.once("close", () => fromClient.destroy());
    fromClient.pipe(toServer);
    toServer.on("data", (chunk) => {
      if (this.#steals && this.#steals.left > 0 && chunk.includes(this.#steals.text)) {
        this.#steals.left--;
        this.stolen++;
        fromClient.resetAndDestroy();
      } else fromClient.write(chunk);
    });
  }
}
