/** Events of a WebSocket that not every supported Node.js has as globals. */

/** The connection is over (WHATWG WebSockets §6). */
export class CloseEvent extends Event {
  /** 1005 when the peer gave none, 1006 when there was no Close frame. */
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;

  constructor(type: string, fields: { code?: number; reason?: string; wasClean?: boolean } = {}) {
    super(type);
    this.code = fields.code ?? 0;
    this.reason = fields.reason ?? "";
    this.wasClean = fields.wasClean ?? false;
  }
}

/** Something went wrong; unlike in a browser, the event says what. A close event follows. */
export class ErrorEvent extends Event {
  readonly message: string;

  constructor(type: string, fields: { message?: string } = {}) {
    super(type);
    this.message = fields.message ?? "";
  }
}
