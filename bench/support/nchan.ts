/**
 * nchan, the module of nginx: subscribers over WebSocket, the publisher over HTTP. One worker process.
 * https://nchan.io/#documentation
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { HttpReader } from "@holdfast/lab/node";
import type { NativeServer } from "./native-process.js";
import type { Protocol, Publisher } from "./protocols.js";

const module = "/usr/lib/nginx/modules/ngx_nchan_module.so";
const temporaryFolders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
const connections = 25_000;

export const nchanServer: NativeServer = {
  files: ["/usr/sbin/nginx", module],
  ports: 1,
  configure(folder, [port]) {
    const paths = temporaryFolders.map((name) => `${name}_temp_path ${join(folder, name)};`);
    mkdirSync(join(folder, "client_body"));
    writeFileSync(
      join(folder, "nginx.conf"),
      `load_module ${module};
daemon off;
worker_processes 1;
pid ${join(folder, "nginx.pid")};
error_log stderr error;
events { worker_connections ${connections}; }
http {
  access_log off;
  ${paths.join("\n  ")}
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  nchan_shared_memory_size 256M;
  server {
    listen 127.0.0.1:${port} backlog=1024;
    location ~ ^/publish/(\\w+)$ {
      nchan_publisher http;
      nchan_channel_id $1;
      nchan_message_buffer_length 100;
    }
    location ~ ^/subscribe/(\\w+)$ {
      nchan_subscriber websocket;
      nchan_channel_id $1;
      nchan_subscriber_first_message newest;
    }
  }
}
`,
    );
    return ["-p", folder, "-c", join(folder, "nginx.conf"), "-e", "stderr"];
  },
};

export const nchanProtocol: Protocol = {
  path: "/",
  pathOf: (channel) => `/subscribe/${channel}`,
  openPublisher: (port) => HttpPublisher.open(port),
  pong: "",
  hasAcknowledgements: true,
  isPing: () => false,
  async signOn() {},
  async subscribe() {},
  publish: (channel, data) =>
    `POST /publish/${channel} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\n` +
    `Content-Length: ${data.length}\r\n\r\n${data}`,

  acknowledgementsIn(message) {
    if (!/^HTTP\/1\.1 20[12]$/.test(message)) throw new Error(`nchan answered a publication with ${message}`);
    return 1;
  },

  offsetsIn: () => undefined,
};

/** Publishes with HTTP requests over one connection, several at a time. Each response is handed over as its status line. */
class HttpPublisher implements Publisher {
  onMessage: ((statusLine: string) => void) | undefined;
  onLost: ((error: Error) => void) | undefined;
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay();
    let status = 0;
    const reader = new HttpReader({
      onHead: (head) => {
        status = head.status;
      },
      onBody: () => {},
      onEnd: () => this.onMessage?.(`HTTP/1.1 ${status}`),
      onUpgrade: () => {},
    });
    socket.on("data", (bytes) => reader.read(bytes));
    socket.on("error", () => {});
    socket.on("close", () => this.onLost?.(new Error("the publisher's connection was lost")));
  }

  static open(port: number): Promise<HttpPublisher> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: "127.0.0.1" });
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(new HttpPublisher(socket));
      });
    });
  }

  /** Sends each text, which is a whole request, all in one write. */
  send(...requests: readonly string[]): void {
    this.#socket.write(requests.join(""));
  }

  destroy(): void {
    this.onLost = undefined;
    this.#socket.destroy();
  }
}
